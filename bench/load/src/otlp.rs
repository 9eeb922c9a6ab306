//! The little of OTLP's protobuf that load and sink must read: where spans, ids and times are.

use std::ops::Range;

/// One field of a message: its number and where its value lies in the whole payload.
/// Varints have an empty range: nothing here needs their value.
struct Field {
    number: u64,
    value: Range<usize>,
}

/// Calls `visit` for each field of the message at `message`; None when it is malformed.
fn fields(
    data: &[u8],
    message: Range<usize>,
    mut visit: impl FnMut(Field) -> Option<()>,
) -> Option<()> {
    let data = data.get(..message.end)?;
    let mut at = message.start;
    while at < message.end {
        let tag = varint(data, &mut at)?;
        let length = match tag & 7 {
            0 => {
                varint(data, &mut at)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(data, &mut at)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let end = at.checked_add(length).filter(|end| *end <= message.end)?;
        visit(Field {
            number: tag >> 3,
            value: at..end,
        })?;
        at = end;
    }
    Some(())
}

fn varint(data: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *data.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Calls `visit` with the range of every span in an export request.
fn spans(request: &[u8], mut visit: impl FnMut(Range<usize>) -> Option<()>) -> Option<()> {
    fields(request, 0..request.len(), |resource_spans| {
        if resource_spans.number != 1 {
            return Some(());
        }
        fields(request, resource_spans.value, |scope_spans| {
            if scope_spans.number != 2 {
                return Some(());
            }
            fields(request, scope_spans.value, |span| match span.number {
                2 => visit(span.value),
                _ => Some(()),
            })
        })
    })
}

/// How many spans an export request holds; None when it is malformed.
pub fn count_spans(request: &[u8]) -> Option<u64> {
    let mut count = 0;
    spans(request, |_| {
        count += 1;
        Some(())
    })?;
    Some(count)
}

/// Where an export request keeps what must differ from one sending to the next.
#[derive(Default)]
pub struct Places {
    pub trace_ids: Vec<usize>,
    pub span_ids: Vec<usize>,
    pub times: Vec<usize>,
}

impl Places {
    /// Finds trace ids (links excepted), span and parent ids, and all times of a request.
    pub fn find(request: &[u8]) -> Option<Self> {
        let mut places = Self::default();
        spans(request, |span| {
            fields(request, span, |field| {
                match (field.number, field.value.len()) {
                    (1, 16) => places.trace_ids.push(field.value.start),
                    (2 | 4, 8) => places.span_ids.push(field.value.start),
                    (7 | 8, 8) => places.times.push(field.value.start),
                    (11, _) => fields(request, field.value, |event| {
                        if event.number == 1 && event.value.len() == 8 {
                            places.times.push(event.value.start);
                        }
                        Some(())
                    })?,
                    _ => {}
                }
                Some(())
            })
        })?;
        Some(places)
    }
}

/// `rejected_spans` of an export response; 0 when nothing was rejected.
pub fn rejected_spans(response: &[u8]) -> u64 {
    let mut rejected = 0;
    fields(response, 0..response.len(), |partial| {
        let mut at = partial.value.start;
        if partial.number == 1 && response.get(at) == Some(&8) {
            at += 1;
            rejected = varint(response, &mut at)?;
        }
        Some(())
    });
    rejected
}
