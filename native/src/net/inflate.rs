//! Decompression of untrusted bodies: bounded, and charged to a budget while it goes.

use super::compression::Coding;
use super::gzip;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read};
use zstd::stream::read::Decoder;
use zstd::zstd_safe::{DCtx, ResetDirective};

/// Largest window a zstd frame may ask for, as RFC 9659 has it for HTTP: 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames: `50 2a 4d 18` to `5f 2a 4d 18`.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const SNAPPY_STREAM: [u8; 10] = *b"\xff\x06\x00\x00sNaPpY";
/// A compressed byte costs as much time as this many plain ones.
pub const INFLATE_WEIGHT: usize = 8;
const FIRST_STEP: usize = 4 * 1024;
const LARGEST_STEP: usize = 256 * 1024;

/// Why a compressed body has no content for us.
#[derive(Debug, PartialEq)]
pub enum InflateError {
    /// The content is larger than the limit: at least this many bytes.
    TooLarge(usize),
    /// The budget has no room for the content.
    NoRoom,
    /// The body is not what its coding says.
    Corrupt(String),
}

/// The content of `body`, at most `limit` bytes.
///
/// `charge` is told of memory before it is taken, and may refuse it.
pub fn inflate(
    coding: Coding,
    body: &[u8],
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let corrupt = |text: &str| Err(InflateError::Corrupt(text.to_owned()));
    match coding {
        Coding::Gzip if !body.starts_with(&GZIP_MAGIC) => corrupt("gzip: invalid header"),
        Coding::Gzip => gzip::gunzip(body, limit, charge),
        Coding::Zlib | Coding::Deflate if !is_zlib(body) => corrupt("zlib: invalid header"),
        Coding::Zlib | Coding::Deflate => gzip::unzlib(body, limit, charge),
        Coding::Zstd if !is_zstd(body) => corrupt("zstd: invalid input: magic number mismatch"),
        Coding::Zstd => unzstd(body, limit, charge),
        Coding::Snappy if !body.starts_with(&SNAPPY_STREAM) => snappy_block(body, limit, charge),
        Coding::SnappyFramed if !body.starts_with(&SNAPPY_STREAM) => {
            corrupt("snappy: corrupt input: no stream identifier")
        }
        Coding::Snappy | Coding::SnappyFramed => {
            read_all("snappy", snap::read::FrameDecoder::new(body), limit, charge)
        }
        Coding::Lz4 if !body.starts_with(&LZ4_MAGIC) => corrupt("lz4: invalid header"),
        Coding::Lz4 => read_all("lz4", lz4_flex::frame::FrameDecoder::new(body), limit, charge),
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, &[method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31))
}

fn is_zstd(body: &[u8]) -> bool {
    let skippable = body.len() >= 4 && body[0] & 0xf0 == 0x50 && body[1..4] == ZSTD_SKIPPABLE;
    body.starts_with(&ZSTD_MAGIC) || skippable
}

thread_local! {
    static ZSTD: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

fn unzstd(
    body: &[u8],
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let failed = |error: io::Error| InflateError::Corrupt(format!("zstd: {error}"));
    ZSTD.with_borrow_mut(|context| {
        let context = context.get_or_insert_with(DCtx::create);
        let mut decoder = Decoder::with_context(body, context);
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
        let content = read_all("zstd", decoder, limit, charge);
        // An error leaves the context in the middle of a frame.
        context.reset(ResetDirective::SessionOnly).expect("a session can always be reset");
        content
    })
}

/// A snappy block says its length in front, so the limit is checked before anything is taken.
fn snappy_block(
    body: &[u8],
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let corrupt = |error| InflateError::Corrupt(format!("snappy: corrupt input: {error}"));
    let length = snap::raw::decompress_len(body).map_err(corrupt)?;
    if length > limit {
        return Err(InflateError::TooLarge(length));
    }
    if !charge(length) {
        return Err(InflateError::NoRoom);
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(corrupt)
}

fn read_all(
    name: &str,
    mut reader: impl Read,
    limit: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<u8>, InflateError> {
    let mut content = Vec::new();
    let mut filled = 0;
    loop {
        if filled == content.len() {
            let step = filled.clamp(FIRST_STEP, LARGEST_STEP);
            if !charge(step) {
                return Err(InflateError::NoRoom);
            }
            content.resize(filled + step, 0);
        }
        match reader.read(&mut content[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(corrupt_stream(name, &error)),
        }
        if filled > limit {
            return Err(InflateError::TooLarge(filled));
        }
    }
    content.truncate(filled);
    Ok(content)
}

fn corrupt_stream(name: &str, error: &io::Error) -> InflateError {
    InflateError::Corrupt(match error.kind() {
        ErrorKind::UnexpectedEof => format!("{name}: unexpected end of input"),
        _ => format!("{name}: corrupt input: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::compression::compress;
    use super::*;

    const ALL: [Coding; 7] = [
        Coding::Gzip,
        Coding::Zstd,
        Coding::Zlib,
        Coding::Deflate,
        Coding::Snappy,
        Coding::SnappyFramed,
        Coding::Lz4,
    ];

    fn text() -> Vec<u8> {
        (0..40_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
    }

    fn open(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
        inflate(coding, body, limit, &mut |_| true)
    }

    #[test]
    fn every_coding_gives_back_what_went_in() {
        for coding in ALL {
            for content in [&b"a"[..], &text()] {
                let body = compress(coding, None, content);
                assert_eq!(open(coding, &body, 1 << 20).as_deref(), Ok(content), "{coding:?}");
            }
        }
    }

    #[test]
    fn content_beyond_the_limit_is_refused() {
        for coding in ALL {
            let body = compress(coding, None, &text());
            let answer = open(coding, &body, 100_000);
            assert!(matches!(answer, Err(InflateError::TooLarge(_))), "{coding:?}: {answer:?}");
        }
    }

    #[test]
    fn memory_is_asked_for_before_it_is_taken() {
        for coding in ALL {
            let body = compress(coding, None, &text());
            let mut room = 100_000;
            let answer = inflate(coding, &body, 1 << 20, &mut |bytes| {
                room -= bytes as i64;
                room >= 0
            });
            assert_eq!(answer, Err(InflateError::NoRoom), "{coding:?}");
        }
    }

    #[test]
    fn garbage_and_torn_bodies_are_corrupt() {
        for coding in ALL {
            let body = compress(coding, None, &text());
            let garbage = open(coding, &[0xff; 64], 1 << 20);
            assert!(matches!(garbage, Err(InflateError::Corrupt(_))), "{coding:?}: {garbage:?}");
            let torn = open(coding, &body[..body.len() / 2], 1 << 20);
            assert!(matches!(torn, Err(InflateError::Corrupt(_))), "{coding:?}: {torn:?}");
        }
    }

    #[test]
    fn the_texts_of_bad_headers_are_those_senders_know() {
        let message = |coding| match open(coding, b"no such thing", 100) {
            Err(InflateError::Corrupt(message)) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(message(Coding::Gzip), "gzip: invalid header");
        assert_eq!(message(Coding::Deflate), "zlib: invalid header");
        assert!(message(Coding::Zstd).contains("invalid input: magic number mismatch"));
        assert!(message(Coding::SnappyFramed).contains("snappy: corrupt input"));
    }

    #[test]
    fn snappy_takes_a_stream_as_well_as_a_block() {
        let stream = compress(Coding::SnappyFramed, None, b"spans");
        assert_eq!(open(Coding::Snappy, &stream, 100).as_deref(), Ok(&b"spans"[..]));
    }

    #[test]
    fn gzip_members_one_after_another_are_one_body() {
        let body = [compress(Coding::Gzip, None, b"ab"), compress(Coding::Gzip, None, b"cd")];
        assert_eq!(open(Coding::Gzip, &body.concat(), 100).as_deref(), Ok(&b"abcd"[..]));
    }
}
