//! Checks a payload without keeping anything of it: what the door does before it accepts one.

use super::error::{DecodeError, Fault};
use super::parse::{
    EventFields, Header, LinkFields, Owner, SpanFields, Visitor, parse_resource, parse_scope,
    walk_request,
};
use super::value::Attribute;

/// What a payload holds.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    pub resource_spans: usize,
    pub spans: usize,
}

/// Walks the whole payload, nested values and UTF-8 included.
///
/// # Errors
/// The first field that is not what OTLP says, with its offset.
pub fn check(payload: &[u8]) -> Result<Counts, DecodeError> {
    if payload.len() > u32::MAX as usize {
        return Err(*DecodeError::at(0, "a payload over 4 GiB is not supported"));
    }
    let mut counts = Counts::default();
    walk_request::<true, _>(payload, &mut counts).map_err(|fault| *fault)?;
    Ok(counts)
}

impl<'a> Visitor<'a> for Counts {
    fn resource(&mut self, header: Header<'a>) -> Result<(), Fault> {
        self.resource_spans += 1;
        match header.message {
            Some(message) => parse_resource::<true, _>(message, self).map(drop),
            None => Ok(()),
        }
    }

    fn scope(&mut self, header: Header<'a>) -> Result<(), Fault> {
        match header.message {
            Some(message) => parse_scope::<true, _>(message, self).map(drop),
            None => Ok(()),
        }
    }

    fn attribute(&mut self, _: Owner, _: &Attribute<'a>) {}
    fn event(&mut self, _: &EventFields<'a>) {}
    fn link(&mut self, _: &LinkFields<'a>) {}

    fn span(&mut self, _: &SpanFields<'a>) {
        self.spans += 1;
    }
}
