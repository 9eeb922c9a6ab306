//! Which spans of a trace too large to be shown whole are shown.
//!
//! Decided from ids, times and status alone. The roots stay; then errors, with all spans above
//! them, as long as they take no more than half of the room; then one level after the other, of the
//! first that does not fit the longest. So every span that stays has its ancestors.

use std::cmp::Reverse;
use std::ops::Range;

use hashbrown::HashMap;

use super::tree::{NONE, Node, Tree};
use crate::clickhouse::result::read_blocks;
use crate::otlp::DecodeError;

const STATUS_ERROR: i32 = 2;

/// The tree of a stored trace, with what decides between spans; by row.
pub struct Outline {
    tree: Tree,
    ids: Vec<u64>,
    starts_unix_nano: Vec<u64>,
    durations_nanos: Vec<u64>,
    errors: Vec<bool>,
}

/// The spans to show.
#[derive(Debug, PartialEq)]
pub struct Choice {
    /// Start and id of each, in this order, with the ancestors of the subtree asked for. An id
    /// stands here once.
    pub spans: Vec<(u64, u64)>,
    /// How many descendants are left out, by the span above them; only where there are any.
    pub hidden: HashMap<u64, u32>,
    /// How many spans are left out.
    pub left_out: usize,
}

impl Outline {
    /// From rows of `spans` in the Native format.
    ///
    /// # Errors
    /// The answer is cut short or lacks a column.
    pub fn read(answer: &[u8]) -> Result<Self, DecodeError> {
        let (mut nodes, mut durations, mut errors) = (vec![], vec![], vec![]);
        for block in read_blocks(answer)? {
            let column = |name| block.column(name);
            let (id, parent) = (column("span_id")?, column("parent_span_id")?);
            let (start, duration) = (column("start_time_unix_nano")?, column("duration_nano")?);
            let status = column("status_code")?;
            for row in 0..block.rows {
                nodes.push(Node {
                    id: number(id.get(row)),
                    parent: number(parent.get(row)),
                    start_time_unix_nano: start.number(row),
                });
                durations.push((duration.number(row) as i64).max(0) as u64);
                errors.push(status.number(row) as i32 == STATUS_ERROR);
            }
        }
        Ok(Self::new(&nodes, &durations, &errors))
    }

    fn new(nodes: &[Node], durations_nanos: &[u64], errors: &[bool]) -> Self {
        let tree = Tree::new(nodes);
        let by_row = || tree.nodes.iter().map(|&node| node as usize);
        Self {
            ids: by_row().map(|node| nodes[node].id).collect(),
            starts_unix_nano: by_row().map(|node| nodes[node].start_time_unix_nano).collect(),
            durations_nanos: by_row().map(|node| durations_nanos[node]).collect(),
            errors: by_row().map(|node| errors[node]).collect(),
            tree,
        }
    }

    /// At most `limit` spans of the trace or of the subtree of `root`; `None` where that is not
    /// in the trace.
    pub fn choose(&self, root: Option<u64>, limit: usize) -> Option<Choice> {
        let top = match root {
            Some(id) => Some(self.ids.iter().position(|&other| other == id)?),
            None => None,
        };
        let rows = top.map_or(0..self.ids.len(), |top| top..self.tree.next[top] as usize);
        let mut selection = Selection::new(self, rows, limit);
        selection.keep_roots();
        selection.keep_errors(limit / 2);
        selection.keep_levels();
        Some(selection.choice(self.ancestors(top)))
    }

    /// The rows above a row, from the root down.
    fn ancestors(&self, row: Option<usize>) -> Vec<usize> {
        let up = |row: &usize| match self.tree.parents[*row] {
            NONE => None,
            parent => Some(parent as usize),
        };
        let mut rows: Vec<usize> = std::iter::successors(row, up).skip(1).collect();
        rows.reverse();
        rows
    }
}

/// The choice while it is made.
struct Selection<'a> {
    outline: &'a Outline,
    rows: Range<usize>,
    /// By place in `rows`.
    kept: Vec<bool>,
    room: usize,
    /// Rows of each depth, in order.
    levels: Vec<Vec<usize>>,
}

impl<'a> Selection<'a> {
    fn new(outline: &'a Outline, rows: Range<usize>, limit: usize) -> Self {
        let depths = &outline.tree.depths;
        let top = rows.clone().next().map_or(0, |row| depths[row]);
        let mut levels = Vec::new();
        for row in rows.clone() {
            let level = (depths[row] - top) as usize;
            if level == levels.len() {
                levels.push(Vec::new());
            }
            levels[level].push(row);
        }
        Self { outline, kept: vec![false; rows.len()], rows, room: limit, levels }
    }

    fn is_kept(&self, row: usize) -> bool {
        self.kept[row - self.rows.start]
    }

    fn keep(&mut self, row: usize) {
        self.kept[row - self.rows.start] = true;
        self.room -= 1;
    }

    /// Keeps as many of these as there is room for; false where that was not all.
    fn keep_most(&mut self, mut rows: Vec<usize>) -> bool {
        let fit = rows.len() <= self.room;
        if !fit {
            let Outline { errors, durations_nanos, .. } = self.outline;
            rows.sort_by_key(|&row| Reverse((errors[row], durations_nanos[row])));
            rows.truncate(self.room);
        }
        rows.into_iter().for_each(|row| self.keep(row));
        fit
    }

    fn keep_roots(&mut self) {
        if let Some(roots) = self.levels.first() {
            self.keep_most(roots.clone());
        }
    }

    /// Keeps errors with what is above them, the upper ones first, then the longer ones.
    fn keep_errors(&mut self, most: usize) {
        let outline = self.outline;
        let least_room = self.room.saturating_sub(most);
        let mut errors = self.errors_below_kept_roots();
        errors
            .sort_by_key(|&row| (outline.tree.depths[row], Reverse(outline.durations_nanos[row])));
        for row in errors {
            let up = |&row: &usize| Some(outline.tree.parents[row] as usize);
            let path = std::iter::successors(Some(row), up).take_while(|&row| !self.is_kept(row));
            let path: Vec<usize> = path.collect();
            if path.len() > self.room - least_room {
                break;
            }
            path.into_iter().for_each(|row| self.keep(row));
        }
    }

    fn errors_below_kept_roots(&self) -> Vec<usize> {
        let mut is_below = Vec::with_capacity(self.rows.len());
        for row in self.rows.clone() {
            let parent = self.outline.tree.parents[row] as usize;
            is_below.push(match parent.checked_sub(self.rows.start) {
                Some(place) if place < is_below.len() => is_below[place],
                _ => self.is_kept(row),
            });
        }
        let rows = self.rows.clone().zip(is_below);
        rows.filter(|&(row, below)| below && self.outline.errors[row]).map(|(row, _)| row).collect()
    }

    fn keep_levels(&mut self) {
        for level in std::mem::take(&mut self.levels).into_iter().skip(1) {
            let candidates = level.into_iter().filter(|&row| {
                !self.is_kept(row) && self.is_kept(self.outline.tree.parents[row] as usize)
            });
            let candidates = candidates.collect();
            if !self.keep_most(candidates) {
                return;
            }
        }
    }

    fn choice(self, above: Vec<usize>) -> Choice {
        let outline = self.outline;
        let mut choice = Choice { spans: vec![], hidden: HashMap::new(), left_out: 0 };
        // How many of the rows before each are left out.
        let mut left_out = Vec::with_capacity(self.kept.len() + 1);
        left_out.push(0u32);
        for &kept in &self.kept {
            left_out.push(left_out[left_out.len() - 1] + u32::from(!kept));
        }
        let kept = self.rows.clone().filter(|&row| self.is_kept(row));
        for row in kept {
            let next = outline.tree.next[row] as usize - self.rows.start;
            let hidden = left_out[next] - left_out[row - self.rows.start];
            if hidden > 0 {
                *choice.hidden.entry(outline.ids[row]).or_default() += hidden;
            }
        }
        choice.left_out = left_out[self.kept.len()] as usize;
        let rows = above.into_iter().chain(self.rows.clone().filter(|&row| self.is_kept(row)));
        let mut seen = hashbrown::HashSet::new();
        choice.spans = rows
            .map(|row| (outline.starts_unix_nano[row], outline.ids[row]))
            .filter(|&(_, id)| seen.insert(id))
            .collect();
        choice.spans.sort_unstable();
        choice
    }
}

/// An id as a number that orders as its bytes do.
pub fn number(id: &[u8]) -> u64 {
    id.try_into().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(choice: &Choice) -> Vec<u64> {
        choice.spans.iter().map(|&(_, id)| id).collect()
    }

    /// Spans of (id, parent, duration, error) that start in the order given.
    fn outline(spans: &[(u64, u64, u64, bool)]) -> Outline {
        let nodes: Vec<Node> = (0..)
            .zip(spans)
            .map(|(start_time_unix_nano, &(id, parent, ..))| Node {
                id,
                parent,
                start_time_unix_nano,
            })
            .collect();
        let durations: Vec<u64> = spans.iter().map(|span| span.2).collect();
        let errors: Vec<bool> = spans.iter().map(|span| span.3).collect();
        Outline::new(&nodes, &durations, &errors)
    }

    /// A root with three children of three children each; 33 failed.
    fn family() -> Outline {
        let mut spans = vec![(1, 0, 100, false)];
        for child in 1..=3 {
            spans.push((10 * child, 1, child, false));
            spans.extend((1..=3).map(|leaf| {
                let id = 10 * child + leaf;
                (id, 10 * child, leaf, id == 33)
            }));
        }
        outline(&spans)
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let choice = family().choose(None, 13).unwrap();
        assert_eq!(choice.spans.len(), 13);
        assert_eq!((choice.hidden.len(), choice.left_out), (0, 0));
    }

    #[test]
    fn errors_stay_with_their_ancestors_then_the_longest_of_the_upper_levels() {
        let choice = family().choose(None, 4).unwrap();
        assert_eq!(ids(&choice), [1, 20, 30, 33]);
        assert_eq!(choice.left_out, 9);
        assert_eq!(choice.hidden, [(1, 9), (20, 3), (30, 2)].into());
    }

    #[test]
    fn a_subtree_comes_with_what_is_above_it() {
        let choice = family().choose(Some(20), 2).unwrap();
        assert_eq!(ids(&choice), [1, 20, 23]);
        assert_eq!(choice.hidden, [(20, 2)].into());
        assert_eq!(choice.left_out, 2);
        assert_eq!(family().choose(Some(99), 2), None);
    }

    #[test]
    fn of_too_many_roots_errors_stay_then_the_longest() {
        let roots =
            outline(&[(1, 0, 1, true), (2, 0, 5, false), (3, 0, 9, false), (4, 1, 1, true)]);
        let choice = roots.choose(None, 2).unwrap();
        assert_eq!((ids(&choice), choice.left_out), (vec![1, 3], 2));
        assert_eq!(choice.hidden, [(1, 1)].into());
    }

    #[test]
    fn errors_below_a_root_that_is_left_out_do_not_stay() {
        let roots =
            outline(&[(1, 0, 1, false), (2, 0, 5, false), (3, 1, 1, true), (4, 2, 1, true)]);
        assert_eq!(ids(&roots.choose(None, 1).unwrap()), [2]);
        assert_eq!(roots.choose(None, 3).unwrap().left_out, 1);
    }

    #[test]
    fn spans_that_share_an_id_are_asked_for_once() {
        let shared = outline(&[(1, 0, 1, false), (2, 1, 1, false), (2, 1, 1, false)]);
        let choice = shared.choose(None, 9).unwrap();
        assert_eq!((ids(&choice), choice.left_out), (vec![1, 2], 0));
    }
}
