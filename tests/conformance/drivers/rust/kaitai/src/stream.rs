//! A stream over a file, read through a small window.

use crate::{KError, KResult};
use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

const WINDOW: u64 = 1 << 16;

pub trait KStream {
    fn clone(&self) -> BytesReader;
    fn size(&self) -> usize;
    fn pos(&self) -> usize;
    fn seek(&self, place: usize) -> KResult<()>;
    fn read_bytes(&self, length: usize) -> KResult<Vec<u8>>;
    fn read_bits_int_be(&self, count: u32) -> KResult<u64>;

    fn read_number(&self, length: usize) -> KResult<u64> {
        let bytes = self.read_bytes(length)?;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
    fn read_u1(&self) -> KResult<u8> {
        Ok(self.read_number(1)? as u8)
    }
    fn read_u2be(&self) -> KResult<u16> {
        Ok(self.read_number(2)? as u16)
    }
    fn read_u4be(&self) -> KResult<u32> {
        Ok(self.read_number(4)? as u32)
    }
    fn read_u8be(&self) -> KResult<u64> {
        self.read_number(8)
    }
}

/// All copies share one place in one file.
#[derive(Debug, Default, Clone)]
pub struct BytesReader {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    size: u64,
    position: u64,
    start: u64,
    window: Vec<u8>,
    bits: u64,
    bits_left: u32,
}

impl BytesReader {
    pub fn open(path: &str) -> KResult<Self> {
        let file = File::open(path).map_err(io_error)?;
        let size = file.metadata().map_err(io_error)?.len();
        let state = State { file: Some(file), size, ..State::default() };
        Ok(Self { state: Rc::new(RefCell::new(state)) })
    }
}

impl KStream for BytesReader {
    fn clone(&self) -> BytesReader {
        Clone::clone(self)
    }

    fn size(&self) -> usize {
        self.state.borrow().size as usize
    }

    fn pos(&self) -> usize {
        self.state.borrow().position as usize
    }

    fn seek(&self, place: usize) -> KResult<()> {
        let mut state = self.state.borrow_mut();
        state.position = place as u64;
        state.bits_left = 0;
        Ok(())
    }

    fn read_bytes(&self, length: usize) -> KResult<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        state.bits_left = 0;
        state.take(length as u64)
    }

    /// The most significant bits come first; the rest of the last byte is kept for the next call.
    fn read_bits_int_be(&self, count: u32) -> KResult<u64> {
        let mut state = self.state.borrow_mut();
        if count > state.bits_left {
            let missing = (count - state.bits_left + 7) / 8;
            for byte in state.take(u64::from(missing))? {
                state.bits = state.bits << 8 | u64::from(byte);
                state.bits_left += 8;
            }
        }
        state.bits_left -= count;
        Ok(state.bits >> state.bits_left & ((1 << count) - 1))
    }
}

impl State {
    fn take(&mut self, length: u64) -> KResult<Vec<u8>> {
        if self.position > self.size || length > self.size - self.position {
            return Err(KError::Short(self.position));
        }
        let held = self.window.len() as u64;
        if self.position < self.start || self.position - self.start + length > held {
            let window = length.max(WINDOW).min(self.size - self.position);
            self.window = vec![0; window as usize];
            self.start = self.position;
            if let Some(file) = &self.file {
                file.read_exact_at(&mut self.window, self.start).map_err(io_error)?;
            }
        }
        let begin = (self.position - self.start) as usize;
        self.position += length;
        Ok(self.window[begin..begin + length as usize].to_vec())
    }
}

fn io_error(error: std::io::Error) -> KError {
    KError::Io(error.to_string())
}
