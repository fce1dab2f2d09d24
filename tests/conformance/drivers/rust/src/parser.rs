//! The generated parsers, except those of libvirt's image and of the records of live devices.
#![allow(dead_code, unused_parens, unused_mut, unused_variables, non_camel_case_types)]

pub mod configuration;
pub mod mapped_ram;
pub mod ram;
pub mod section;
pub mod stream_header;
