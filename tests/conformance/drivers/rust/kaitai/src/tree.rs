//! References between structures: a structure owns its members, which refer to it weakly.

use crate::{KResult, KStream};
use std::any::Any;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::{Rc, Weak};

/// A structure, or none yet.
#[derive(Debug)]
pub struct OptRc<T>(Option<Rc<T>>);

impl<T> OptRc<T> {
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> Default for OptRc<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clone for OptRc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> From<T> for OptRc<T> {
    fn from(value: T) -> Self {
        Self(Some(Rc::new(value)))
    }
}

impl<T> Deref for OptRc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a structure that was not read")
    }
}

/// A weak reference to a structure, or none.
#[derive(Debug)]
pub struct OptWeak<T>(Weak<T>);

impl<T> OptWeak<T> {
    pub fn upgrade(&self) -> Option<OptRc<T>> {
        Some(OptRc(self.0.upgrade()))
    }
}

/// References of a structure to its root, its parent and itself.
#[derive(Debug)]
pub struct SharedType<T>(RefCell<OptWeak<T>>);

impl<T> SharedType<T> {
    pub fn get(&self) -> KResult<OptRc<T>> {
        Ok(OptRc(self.0.borrow().0.upgrade()))
    }

    pub fn set(&self, value: KResult<OptRc<T>>) {
        let weak = value.ok().and_then(|found| found.0.as_ref().map(Rc::downgrade));
        *self.0.borrow_mut() = OptWeak(weak.unwrap_or_default());
    }

    pub fn get_value(&self) -> &RefCell<OptWeak<T>> {
        &self.0
    }
}

impl<T> Default for SharedType<T> {
    fn default() -> Self {
        Self(RefCell::new(OptWeak(Weak::new())))
    }
}

impl<T> Clone for SharedType<T> {
    fn clone(&self) -> Self {
        let copy = Self::default();
        copy.set(self.get());
        copy
    }
}

pub trait KStruct: Default {
    type Root: KStruct + 'static;
    type Parent: KStruct + 'static;

    fn read<S: KStream>(
        self_rc: &OptRc<Self>,
        io: &S,
        root: SharedType<Self::Root>,
        parent: SharedType<Self::Parent>,
    ) -> KResult<()>;

    fn read_into<S: KStream, T: KStruct + 'static>(
        io: &S,
        root: Option<SharedType<T::Root>>,
        parent: Option<SharedType<T::Parent>>,
    ) -> KResult<OptRc<T>> {
        Self::read_into_with_init(io, root, parent, &|_: &mut T| Ok(()))
    }

    /// A structure read from the stream, after `init` has set its parameters. Without a given root,
    /// it is its own root, if possible.
    fn read_into_with_init<S: KStream, T: KStruct + 'static>(
        io: &S,
        root: Option<SharedType<T::Root>>,
        parent: Option<SharedType<T::Parent>>,
        init: &dyn Fn(&mut T) -> KResult<()>,
    ) -> KResult<OptRc<T>> {
        let mut value = T::default();
        init(&mut value)?;
        let made = OptRc::from(value);
        let root = root.unwrap_or_else(|| {
            let own = SharedType::default();
            if let Some(same) = (&made as &dyn Any).downcast_ref::<OptRc<T::Root>>() {
                own.set(Ok(same.clone()));
            }
            own
        });
        T::read(&made, io, root, parent.unwrap_or_default())?;
        Ok(made)
    }
}

/// The parent type of a structure with no parent, or with several.
#[derive(Debug, Default, Clone)]
pub struct KStructUnit;

impl KStruct for KStructUnit {
    type Root = KStructUnit;
    type Parent = KStructUnit;

    fn read<S: KStream>(
        _: &OptRc<Self>,
        _: &S,
        _: SharedType<Self::Root>,
        _: SharedType<Self::Parent>,
    ) -> KResult<()> {
        Ok(())
    }
}
