//! gzip and zlib over one deflate state a thread.
//!
//! A state is tens of kilobytes that must be cleared before use, which costs more than a small
//! request's content; so each thread keeps one and resets it. The checksum is `crc32fast`'s,
//! which uses what the processor has.

use super::inflate::InflateError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const TRAILER_BYTES: usize = 8;
/// Bits of a member header's flags: what follows the fixed part.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

const SMALLEST_ROOM: usize = 4 * 1024;
/// Content is rarely more than this many times as long as its body: a body that says so in its
/// trailer is given room at once, one that says more as it proves it.
const USUAL_RATIO: usize = 16;

thread_local! {
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static DEFLATE: RefCell<Option<(u32, Compress)>> = const { RefCell::new(None) };
}

/// The content of one or more gzip members, at most `limit` bytes; see `inflate::inflate`.
pub fn gunzip(
    body: &[u8],
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let corrupt = |text: &str| InflateError::Corrupt(format!("gzip: {text}"));
    let mut output = Output { content: Vec::new(), name: "gzip", limit, charge };
    let announced = body.last_chunk().map_or(0, |&size| u32::from_le_bytes(size) as usize);
    output.reserve(announced.min(body.len() * USUAL_RATIO))?;
    let mut rest = body;
    while !rest.is_empty() {
        let data = after_header(rest).ok_or_else(|| corrupt("invalid header"))?;
        let start = output.content.len();
        let used = output.inflate(data, false)?;
        let trailer = data[used..].first_chunk::<TRAILER_BYTES>();
        let trailer = trailer.ok_or_else(|| corrupt("unexpected end of input"))?;
        let member = &output.content[start..];
        let [crc, size] = [&trailer[..4], &trailer[4..]]
            .map(|field| u32::from_le_bytes(field.try_into().expect("four bytes")));
        if crc != crc32fast::hash(member) || size != member.len() as u32 {
            return Err(corrupt("invalid checksum"));
        }
        rest = &data[used + TRAILER_BYTES..];
    }
    Ok(output.content)
}

/// The content of a zlib stream, at most `limit` bytes; see `inflate::inflate`.
pub fn unzlib(
    body: &[u8],
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let mut output = Output { content: Vec::new(), name: "zlib", limit, charge };
    output.reserve(body.len() * 4)?;
    output.inflate(body, true)?;
    Ok(output.content)
}

/// What follows a member's header; `None` when that is none.
fn after_header(body: &[u8]) -> Option<&[u8]> {
    let (head, mut rest) = body.split_first_chunk::<10>()?;
    if !head.starts_with(&MAGIC) {
        return None;
    }
    let flags = head[3];
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// Content as it grows, within the limit and what it is charged to.
struct Output<'a> {
    content: Vec<u8>,
    name: &'static str,
    limit: usize,
    charge: &'a mut dyn FnMut(usize) -> bool,
}

impl Output<'_> {
    /// Makes room for `bytes` more, but for no more than one byte beyond the limit.
    fn reserve(&mut self, bytes: usize) -> Result<(), InflateError> {
        let most = (self.limit + 1).saturating_sub(self.content.len());
        let bytes = bytes.max(SMALLEST_ROOM).min(most);
        if !(self.charge)(bytes) {
            return Err(InflateError::NoRoom);
        }
        self.content.reserve_exact(bytes);
        Ok(())
    }

    /// Appends the content of the stream `data` begins with; returns how long the stream is.
    fn inflate(&mut self, data: &[u8], zlib: bool) -> Result<usize, InflateError> {
        INFLATE.with_borrow_mut(|stream| {
            stream.reset(zlib);
            loop {
                let used = stream.total_in() as usize;
                let status =
                    stream.decompress_vec(&data[used..], &mut self.content, FlushDecompress::None);
                if self.content.len() > self.limit {
                    return Err(InflateError::TooLarge(self.content.len()));
                }
                match status {
                    Ok(Status::StreamEnd) => return Ok(stream.total_in() as usize),
                    Ok(_) if self.content.len() == self.content.capacity() => {
                        self.reserve(self.content.len())?;
                    }
                    Ok(_) if stream.total_in() as usize == data.len() => {
                        return Err(self.corrupt("unexpected end of input"));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(self.corrupt(&format!("corrupt input: {error}"))),
                }
            }
        })
    }

    fn corrupt(&self, text: &str) -> InflateError {
        InflateError::Corrupt(format!("{}: {text}", self.name))
    }
}

/// One gzip member.
pub fn gzip(level: u32, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(content.len() / 4 + 64);
    body.extend_from_slice(&HEADER);
    deflate(level, content, &mut body);
    body.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    body.extend_from_slice(&(content.len() as u32).to_le_bytes());
    body
}

/// One zlib stream.
pub fn zlib(level: u32, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(content.len() / 4 + 64);
    run(&mut Compress::new(Compression::new(level), true), content, &mut body);
    body
}

fn deflate(level: u32, content: &[u8], body: &mut Vec<u8>) {
    DEFLATE.with_borrow_mut(|kept| {
        let fresh = || (level, Compress::new(Compression::new(level), false));
        let kept = match kept {
            Some(kept) if kept.0 == level => kept,
            other => other.insert(fresh()),
        };
        kept.1.reset();
        run(&mut kept.1, content, body);
    });
}

fn run(stream: &mut Compress, content: &[u8], body: &mut Vec<u8>) {
    loop {
        let rest = &content[stream.total_in() as usize..];
        let status = stream.compress_vec(rest, body, FlushCompress::Finish);
        match status.expect("a stream that has not ended takes input") {
            Status::StreamEnd => return,
            Status::Ok | Status::BufError => body.reserve(body.capacity().max(1024)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::GzBuilder;
    use std::io::{Read, Write};

    fn open(body: &[u8]) -> Result<Vec<u8>, InflateError> {
        gunzip(body, 1 << 20, &mut |_| true)
    }

    #[test]
    fn headers_with_everything_in_them_are_read() {
        let builder = GzBuilder::new().filename("spans").comment("all of them").extra([1, 2, 3]);
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        encoder.write_all(b"content").unwrap();
        assert_eq!(open(&encoder.finish().unwrap()).as_deref(), Ok(&b"content"[..]));
    }

    #[test]
    fn other_programs_read_what_is_written() {
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&gzip(1, &content)[..]).read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }

    #[test]
    fn a_changed_bit_is_noticed_wherever_it_is() {
        let body = gzip(1, b"some content that is worth a checksum");
        for place in 10..body.len() {
            let mut changed = body.clone();
            changed[place] ^= 1;
            assert!(open(&changed).is_err(), "byte {place}");
        }
        for length in 0..body.len() {
            assert_eq!(open(&body[..length]).is_ok(), length == 0, "torn after {length}");
        }
    }

    #[test]
    fn room_is_not_given_on_a_bodys_word_alone() {
        let mut body = gzip(1, b"small");
        let end = body.len() - 4;
        body[end..].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut most = 0;
        let answer = gunzip(&body, 1 << 30, &mut |bytes| {
            most = most.max(bytes);
            true
        });
        assert!(answer.is_err());
        assert!(most <= SMALLEST_ROOM.max(body.len() * USUAL_RATIO), "{most}");
    }
}
