//! A minimal runtime for the Rust parsers of kaitai-struct-compiler 0.11, for files of any size.
//! The registry of Rust does not have the official runtime; the names are those of that one.

mod stream;
mod tree;

pub use stream::{BytesReader, KStream};
pub use tree::{KStruct, KStructUnit, OptRc, SharedType};

pub type KResult<T> = Result<T, KError>;

/// Why a parser stops.
#[derive(Debug, Clone, PartialEq)]
pub enum KError {
    /// A field holds a wrong value.
    ValidationFailed(ValidationFailedError),
    /// The file ends within a read at this place.
    Short(u64),
    /// The file cannot be read.
    Io(String),
    /// The last element of an empty list.
    EmptyIterator,
    /// A number does not fit into the type of a parameter.
    CastError,
    /// A text in an encoding that the spec does not use.
    UnknownEncoding(String),
}

/// `src_path` is the place of the field in the spec.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationFailedError {
    pub kind: ValidationKind,
    pub src_path: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ValidationKind {
    NotEqual,
    LessThan,
    GreaterThan,
    NotAnyOf,
    NotInEnum,
    Expr,
}

pub fn bytes_terminate(bytes: &Vec<u8>, end: u8, with_end: bool) -> Vec<u8> {
    match bytes.iter().position(|byte| *byte == end) {
        Some(found) => bytes[..found + usize::from(with_end)].to_vec(),
        None => bytes.clone(),
    }
}

pub fn bytes_strip_right(bytes: &Vec<u8>, pad: u8) -> Vec<u8> {
    let length = bytes.iter().rposition(|byte| *byte != pad).map_or(0, |last| last + 1);
    bytes[..length].to_vec()
}

pub fn bytes_to_str(bytes: &Vec<u8>, encoding: &str) -> KResult<String> {
    match encoding {
        "ISO-8859-1" => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => Err(KError::UnknownEncoding(encoding.to_string())),
    }
}
