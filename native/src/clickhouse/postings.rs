//! Where to look: the stretches of the `spans` table that hold spans with a given term.
//!
//! Spans are ordered by the minute they start in and by trace id. A **place** is a minute, or a
//! slice of it: a range of trace ids, as small as holds a few hundred spans. A posting says
//! that a term occurs in a place; it is what a row of the `postings` table is.
//!
//! A slice is written as the middle of its range of trace ids' first 16 bits, so that its number
//! tells where it begins and ends: 0x8000 is everything, 0x4000 and 0xC000 are the halves, and so
//! on. A term that is all over a minute gets one posting for the whole minute.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::block::Block;
use super::result::read_blocks;
use crate::otlp::DecodeError;

const MINUTE_NANOS: u64 = 60_000_000_000;
const WHOLE_MINUTE: u16 = 0x8000;
/// A term in one of so many slices of a minute, but more than one, is posted for the whole minute.
const WIDEN_FROM: usize = 4;
/// Finest slices: 2^12 of a minute. The middle of each still has a bit to stand on.
const MAX_SLICE_BITS: u32 = 12;
/// Minutes the slicer remembers: a day and a half.
const REMEMBERED_MINUTES: usize = 2048;

/// A token and the number of a place.
pub type Posting = (u32, u64);

/// A minute, or a slice of it. Places order by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Since 1970.
    pub minute: u32,
    pub slice: u16,
}

impl Place {
    /// The place as a number: the minute above 16 bits of slice.
    pub fn number(self) -> u64 {
        number(self.minute, self.slice)
    }

    fn from_number(number: u64) -> Self {
        Self { minute: (number >> 16) as u32, slice: number as u16 }
    }

    /// Half the width of its range: the lowest bit of its middle.
    fn half(self) -> u16 {
        self.slice & self.slice.wrapping_neg()
    }

    /// The first 16 bits of the trace ids it holds.
    fn range(self) -> RangeInclusive<u16> {
        let half = self.half();
        self.slice - half..=self.slice.saturating_add(half.saturating_sub(1))
    }

    /// The places of the traces it holds, see `place_of`.
    pub fn numbers(self) -> RangeInclusive<u64> {
        let range = self.range();
        number(self.minute, *range.start())..=number(self.minute, *range.end())
    }

    /// What two places have in common: one always holds the other, or they are apart.
    fn intersection(self, other: Place) -> Option<Place> {
        let holds = |outer: Place, inner: Place| {
            outer.half() >= inner.half() && outer.range().contains(&inner.slice)
        };
        if self.minute != other.minute {
            None
        } else if holds(self, other) {
            Some(other)
        } else if holds(other, self) {
            Some(self)
        } else {
            None
        }
    }
}

/// The minute of a start time.
#[inline]
pub fn minute(start_time_unix_nano: u64) -> u32 {
    (start_time_unix_nano / MINUTE_NANOS) as u32
}

/// The place of one trace in a minute, which is where its spans are in the `spans` table.
#[inline]
pub fn place_of(start_time_unix_nano: u64, trace_id: &[u8; 16]) -> u64 {
    number(minute(start_time_unix_nano), beginning(trace_id))
}

#[inline]
fn number(minute: u32, low: u16) -> u64 {
    u64::from(minute) << 16 | u64::from(low)
}

#[inline]
fn beginning(trace_id: &[u8; 16]) -> u16 {
    u16::from_be_bytes([trace_id[0], trace_id[1]])
}

/// Decides how finely each minute is sliced, from how many spans it and the minute before hold.
pub struct Slicer {
    slice_spans: u64,
    spans: HashMap<u32, u64>,
}

impl Slicer {
    pub fn new(slice_spans: u64) -> Self {
        Self { slice_spans, spans: HashMap::new() }
    }

    /// Counts `spans` more in a minute; the number of leading bits that tell its slices apart.
    pub fn slice_bits(&mut self, minute: u32, spans: u64) -> u32 {
        if self.spans.len() >= REMEMBERED_MINUTES {
            self.forget_oldest();
        }
        let before =
            minute.checked_sub(1).and_then(|before| self.spans.get(&before).copied()).unwrap_or(0);
        let count = self.spans.entry(minute).or_default();
        *count += spans;
        let slices = (*count).max(before).div_ceil(self.slice_spans);
        slices.next_power_of_two().trailing_zeros().min(MAX_SLICE_BITS)
    }

    fn forget_oldest(&mut self) {
        let mut minutes: Vec<u32> = self.spans.keys().copied().collect();
        let (_, middle, _) = minutes.select_nth_unstable(REMEMBERED_MINUTES / 2);
        let middle = *middle;
        self.spans.retain(|&minute, _| minute >= middle);
    }
}

/// The slice of a minute cut into 2^`bits` that a trace id is in.
#[inline]
pub fn slice(trace_id: &[u8; 16], bits: u32) -> u16 {
    let half = WHOLE_MINUTE >> bits;
    // The bits below `half` go, `half` itself is set.
    beginning(trace_id) & !(half | (half - 1)) | half
}

/// Gathers the postings of one block of spans, given in the order of the table.
#[derive(Default)]
pub struct Postings {
    /// Each place once, in order, with the slices its minute has.
    places: Vec<(Place, u32)>,
    /// Token in the upper half, row in `places` in the lower.
    entries: Vec<u64>,
}

impl Postings {
    pub fn with_capacity(entries: usize) -> Self {
        Self { places: Vec::new(), entries: Vec::with_capacity(entries) }
    }

    /// The place of the spans whose terms are added next; true where it is another one.
    #[inline]
    pub fn move_to(&mut self, place: Place, slice_bits: u32) -> bool {
        if self.places.last().is_some_and(|&(last, _)| last == place) {
            return false;
        }
        self.places.push((place, 1 << slice_bits));
        true
    }

    #[inline]
    pub fn add(&mut self, token: u32) {
        self.entries.push(u64::from(token) << 32 | (self.places.len() - 1) as u64);
    }

    /// The rows of the `postings` table, in its order, without the postings that are `known`; and
    /// those of them that other blocks will likely repeat.
    pub fn encode(mut self, period: u32, known: &HashSet<Posting>) -> (Vec<u8>, Vec<Posting>) {
        sort_by_token(&mut self.entries);
        let place = |entry: u64| self.places[entry as u32 as usize];
        let (mut tokens, mut ends, mut numbers) = (vec![], vec![], vec![]);
        let mut frequent = Vec::new();
        for of_token in self.entries.chunk_by(|one, other| one >> 32 == other >> 32) {
            let token = (of_token[0] >> 32) as u32;
            let before = numbers.len();
            let mut post = |place: Place, is_frequent: bool| {
                let posting = (token, place.number());
                if is_frequent && known.contains(&posting) {
                    return;
                }
                numbers.push(place.number());
                if is_frequent {
                    frequent.push(posting);
                }
            };
            let minute = |entry: u64| place(entry).0.minute;
            for of_minute in of_token.chunk_by(|&one, &other| minute(one) == minute(other)) {
                let (first, slices) = place(of_minute[0]);
                let in_slices = of_minute.chunk_by(|one, other| one == other);
                let count = in_slices.clone().count();
                if count > 1 && count * WIDEN_FROM >= slices as usize {
                    post(Place { slice: WHOLE_MINUTE, ..first }, true);
                } else {
                    in_slices.for_each(|same| post(place(same[0]).0, same.len() > 1));
                }
            }
            if numbers.len() > before {
                tokens.push(token);
                ends.push(numbers.len() as u64);
            }
        }
        let mut block = Block::new(3, tokens.len(), 12 * tokens.len() + 8 * numbers.len() + 128);
        block.constant("period", "DateTime('UTC')", &period.to_le_bytes());
        block.fixed("token", "UInt32", tokens.iter().map(|token| token.to_le_bytes()));
        let bytes = block.column("places", "Array(UInt64)");
        bytes.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        (block.finish(), frequent)
    }
}

/// Sorts entries, which come in the order of their places, by token: by 11 bits of it at a time,
/// each time keeping the order there was.
fn sort_by_token(entries: &mut Vec<u64>) {
    const BITS: u32 = 11;
    if entries.len() < 1 << BITS {
        return entries.sort_unstable();
    }
    let mut sorted = vec![0; entries.len()];
    for shift in [32, 32 + BITS, 32 + 2 * BITS] {
        let digit = |entry: u64| (entry >> shift) as usize & ((1 << BITS) - 1);
        let mut starts = [0usize; 1 << BITS];
        entries.iter().for_each(|&entry| starts[digit(entry)] += 1);
        let mut start = 0;
        for count in &mut starts {
            start += std::mem::replace(count, start);
        }
        for &entry in entries.iter() {
            let place = &mut starts[digit(entry)];
            sorted[*place] = entry;
            *place += 1;
        }
        std::mem::swap(entries, &mut sorted);
    }
}

/// The places, newest first, that hold every one of `clauses`, each a choice of tokens; `answer`
/// are rows (token, places) of the `postings` table in any order. Only places in `minutes` count.
/// Beside them the tokens that are anywhere in these minutes.
pub fn common_places(
    answer: &[u8],
    clauses: &[Vec<u32>],
    minutes: RangeInclusive<u32>,
) -> Result<(Vec<Place>, Vec<u32>), DecodeError> {
    let mut places: Vec<Vec<Place>> = vec![Vec::new(); clauses.len()];
    let mut present = Vec::new();
    for block in read_blocks(answer)? {
        let token = block.column("token")?;
        let numbers = block.column("places")?;
        for row in 0..block.rows {
            let token = token.number(row) as u32;
            let all = numbers.elements(row).map(Place::from_number);
            let within: Vec<_> = all.filter(|place| minutes.contains(&place.minute)).collect();
            if within.is_empty() {
                continue;
            }
            present.push(token);
            for (clause, places) in clauses.iter().zip(&mut places) {
                if clause.contains(&token) {
                    places.extend_from_slice(&within);
                }
            }
        }
    }
    // From the rarest: the work is then bounded by it.
    places.iter_mut().for_each(merge_nested);
    places.sort_by_key(Vec::len);
    let mut clauses = places.into_iter();
    let mut common = clauses.next().unwrap_or_default();
    for other in clauses {
        let intersections = common.iter().flat_map(|&place| {
            in_minute(&other, place.minute)
                .iter()
                .filter_map(move |&other| place.intersection(other))
        });
        common = intersections.collect();
        merge_nested(&mut common);
    }
    common.reverse();
    Ok((common, present))
}

/// The places of one minute among places in order.
fn in_minute(places: &[Place], minute: u32) -> &[Place] {
    let start = places.partition_point(|place| place.minute < minute);
    let end = places.partition_point(|place| place.minute <= minute);
    &places[start..end]
}

/// Puts places in order and drops those another one holds.
fn merge_nested(places: &mut Vec<Place>) {
    places.sort_unstable_by_key(|place| {
        (place.minute, *place.range().start(), std::cmp::Reverse(*place.range().end()))
    });
    places.dedup_by(|place, kept| kept.intersection(*place).is_some());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(minute: u32, slice: u16) -> Place {
        Place { minute, slice }
    }

    #[test]
    fn a_slice_tells_the_trace_ids_it_holds() {
        let mut id = [0; 16];
        id[0] = 0xa5;
        id[1] = 0x3c;
        assert_eq!(slice(&id, 0), 0x8000);
        assert_eq!(place(0, 0x8000).range(), 0..=0xffff);
        assert_eq!(slice(&id, 1), 0xc000);
        assert_eq!(place(0, 0xc000).range(), 0x8000..=0xffff);
        assert_eq!(slice(&id, 12), 0xa538);
        assert_eq!(place(0, 0xa538).range(), 0xa530..=0xa53f);
        for bits in 0..=MAX_SLICE_BITS {
            assert!(place(0, slice(&id, bits)).range().contains(&0xa53c));
        }
    }

    #[test]
    fn a_minute_is_sliced_as_finely_as_its_spans_need() {
        let mut slicer = Slicer::new(1000);
        assert_eq!(slicer.slice_bits(1, 900), 0);
        assert_eq!(slicer.slice_bits(1, 200), 1);
        assert_eq!(slicer.slice_bits(2, 10), 1, "the minute before says what is to come");
        assert_eq!(slicer.slice_bits(3, 10), 0);
        assert_eq!(slicer.slice_bits(0, u64::MAX / 2), MAX_SLICE_BITS);
    }

    #[test]
    fn the_slicer_forgets_the_oldest_minutes() {
        let mut slicer = Slicer::new(1000);
        for minute in 0..REMEMBERED_MINUTES as u32 * 2 {
            slicer.slice_bits(minute, 1);
        }
        assert!(slicer.spans.len() <= REMEMBERED_MINUTES);
        assert!(slicer.spans.contains_key(&(REMEMBERED_MINUTES as u32 * 2 - 1)));
    }

    #[test]
    fn entries_are_sorted_by_token_then_place() {
        for count in [0, 1, 2047, 2048, 10_000] {
            let mut state = 7u64;
            let mut entries: Vec<u64> = (0..count)
                .map(|place| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // Every token about twice, and some of all magnitudes.
                    let token = ((state >> 32) % (count / 2 + 1)) << (place % 3 * 9);
                    ((token & 0xffff_ffff) << 32) | (place / 2)
                })
                .collect();
            let mut expected = entries.clone();
            expected.sort_unstable();
            sort_by_token(&mut entries);
            assert_eq!(entries, expected);
        }
    }

    #[test]
    fn a_span_lies_in_its_minute_and_where_its_trace_id_begins() {
        let mut id = [0xff; 16];
        id[0] = 0x12;
        id[1] = 0x34;
        assert_eq!(place_of(59_999_999_999, &id), 0x1234);
        assert_eq!(place_of(60_000_000_000, &id), 0x1_1234);
        assert_eq!(minute(u64::MAX), 307_445_734);
        let slice = Place { minute: 1, slice: slice(&id, 4) };
        let range = slice.numbers();
        assert!(range.contains(&place_of(60_000_000_000, &id)));
        assert_eq!((*range.start(), *range.end()), (0x1_1000, 0x1_1fff));
    }

    fn postings(
        spans: &[(u32, u16, u32)],
        bits: u32,
        known: &HashSet<Posting>,
    ) -> (Vec<(u32, Vec<Place>)>, Vec<Posting>) {
        let mut postings = Postings::default();
        for &(minute, slice, token) in spans {
            postings.move_to(place(minute, slice), bits);
            postings.add(token);
        }
        let (bytes, frequent) = postings.encode(7, known);
        let blocks = read_blocks(&bytes).unwrap();
        let block = &blocks[0];
        let column = |name| block.column(name).unwrap();
        let rows = (0..block.rows).map(|row| {
            assert_eq!(column("period").number(row), 7);
            let places = column("places").elements(row).map(Place::from_number);
            (column("token").number(row) as u32, places.collect())
        });
        (rows.collect(), frequent)
    }

    #[test]
    fn a_posting_is_written_once_in_the_order_of_the_table() {
        let spans = [(0, 0x8000, 9), (0, 0x8000, 9), (0, 0x8000, 4), (1, 0x8000, 9)];
        let whole = |minute| place(minute, 0x8000);
        let (rows, frequent) = postings(&spans, 0, &HashSet::new());
        assert_eq!(rows, [(4, vec![whole(0)]), (9, vec![whole(0), whole(1)])]);
        assert_eq!(frequent, [(9, whole(0).number())]);
    }

    #[test]
    fn a_frequent_posting_is_left_out_once_it_is_known() {
        let spans =
            [(0, 0x8000, 9), (0, 0x8000, 9), (0, 0x8000, 4), (0, 0x8000, 5), (0, 0x8000, 5)];
        let known = HashSet::from([(9, place(0, 0x8000).number()), (4, place(0, 0x8000).number())]);
        let (rows, frequent) = postings(&spans, 0, &known);
        assert_eq!(rows, [(4, vec![place(0, 0x8000)]), (5, vec![place(0, 0x8000)])]);
        assert_eq!(frequent, [(5, place(0, 0x8000).number())]);
    }

    #[test]
    fn a_token_all_over_a_minute_is_posted_once() {
        let spans =
            [(0, 0x1000, 1), (0, 0x1000, 2), (0, 0x3000, 1), (0, 0x5000, 1), (1, 0x1000, 1)];
        let (rows, frequent) = postings(&spans, 3, &HashSet::new());
        let all = vec![place(0, 0x8000), place(1, 0x1000)];
        assert_eq!(rows, [(1, all), (2, vec![place(0, 0x1000)])]);
        assert_eq!(frequent, [(1, place(0, 0x8000).number())]);
    }

    #[test]
    fn common_places_are_those_of_every_clause_newest_first() {
        let rows = [
            (1, place(0, 0x8000)),
            (1, place(1, 0x4000)),
            (1, place(1, 0xe000)),
            (1, place(2, 0x8000)),
            (1, place(2, 0x4000)),
            (2, place(1, 0x2000)),
            (2, place(2, 0xc000)),
            (3, place(2, 0x6000)),
            (9, place(1, 0x8000)),
        ];
        let mut block = Block::new(2, rows.len(), 0);
        block.fixed("token", "UInt32", rows.map(|(token, _): (u32, _)| token.to_le_bytes()));
        let bytes = block.column("places", "Array(UInt64)");
        bytes.extend((1..=rows.len() as u64).flat_map(u64::to_le_bytes));
        bytes.extend(rows.iter().flat_map(|(_, place)| place.number().to_le_bytes()));
        let answer = block.finish();
        let within =
            |clauses: &[Vec<u32>], minutes| common_places(&answer, clauses, minutes).unwrap();
        let common = |clauses: &[Vec<u32>]| within(clauses, 0..=u32::MAX).0;
        assert_eq!(
            common(&[vec![1], vec![2, 3]]),
            [place(2, 0xc000), place(2, 0x6000), place(1, 0x2000)]
        );
        assert_eq!(
            common(&[vec![1]]),
            [place(2, 0x8000), place(1, 0xe000), place(1, 0x4000), place(0, 0x8000)]
        );
        assert_eq!(within(&[vec![1]], 1..=1).0, [place(1, 0xe000), place(1, 0x4000)]);
        assert_eq!(common(&[vec![1], vec![5]]), []);
        assert_eq!(within(&[], 2..=2).1, [1, 1, 2, 3]);
        assert_eq!(common(&[]), []);
    }
}
