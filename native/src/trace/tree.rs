//! The spans of a trace as a tree, in rows: a parent before its children, a subtree in one stretch.
//!
//! Nothing is lost, whatever the ids say: a span whose parent is not there is a root, of spans that
//! are each other's ancestors the earliest becomes one, and of spans that share an id the earliest
//! has the children. No step recurses, so depth costs nothing.

use hashbrown::HashMap;

/// Row or node where there is none.
pub const NONE: u32 = u32::MAX;

/// What the tree needs to know of a span. Ids are big-endian numbers.
#[derive(Clone, Copy)]
pub struct Node {
    pub id: u64,
    /// Zero for a root.
    pub parent: u64,
    pub start_time_unix_nano: u64,
}

/// How a span stands to the parent it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Below it, or it names none.
    Regular,
    /// The parent is not in the trace.
    Orphan,
    /// The parent is one of its own descendants.
    CycleBroken,
}

/// One element of each list a row.
pub struct Tree {
    /// Which of the given nodes it is.
    pub nodes: Vec<u32>,
    /// Row of the parent, `NONE` for roots.
    pub parents: Vec<u32>,
    /// The row after the last descendant.
    pub next: Vec<u32>,
    pub depths: Vec<u32>,
    pub attachments: Vec<Attachment>,
}

impl Tree {
    /// Siblings, and roots, stand in the order of start and id.
    pub fn new(nodes: &[Node]) -> Self {
        let mut sorted: Vec<u32> = (0..nodes.len() as u32).collect();
        sorted.sort_by_key(|&node| {
            let Node { id, parent, start_time_unix_nano } = nodes[node as usize];
            (start_time_unix_nano, id, parent)
        });
        let (mut parents, mut attachments) = find_parents(nodes, &sorted);
        break_cycles(&mut parents, &mut attachments);
        Self::from_parents(&sorted, &parents, &attachments)
    }

    /// Lays out what is known by rank, the place in `sorted`.
    fn from_parents(sorted: &[u32], parent_ranks: &[u32], attachments: &[Attachment]) -> Self {
        let count = sorted.len();
        let children = Children::new(parent_ranks);
        let mut tree = Self {
            nodes: Vec::with_capacity(count),
            parents: Vec::with_capacity(count),
            next: (1..=count as u32).collect(),
            depths: Vec::with_capacity(count),
            attachments: Vec::with_capacity(count),
        };
        // Ranks to lay out with the row of their parent.
        let roots = (0..count as u32).filter(|&rank| parent_ranks[rank as usize] == NONE);
        let mut open: Vec<(u32, u32)> = roots.rev().map(|rank| (rank, NONE)).collect();
        while let Some((rank, parent)) = open.pop() {
            let row = tree.nodes.len() as u32;
            tree.nodes.push(sorted[rank as usize]);
            tree.parents.push(parent);
            tree.depths.push(if parent == NONE { 0 } else { tree.depths[parent as usize] + 1 });
            tree.attachments.push(attachments[rank as usize]);
            open.extend(children.of(rank).iter().rev().map(|&child| (child, row)));
        }
        for row in (0..count).rev() {
            if let Some(next) = tree.next.get(tree.parents[row] as usize) {
                tree.next[tree.parents[row] as usize] = tree.next[row].max(*next);
            }
        }
        tree
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// The rank of each rank's parent.
fn find_parents(nodes: &[Node], sorted: &[u32]) -> (Vec<u32>, Vec<Attachment>) {
    let mut ranks = HashMap::with_capacity(nodes.len());
    for (rank, &node) in sorted.iter().enumerate() {
        ranks.entry(nodes[node as usize].id).or_insert(rank as u32);
    }
    let parent = |&node: &u32| match nodes[node as usize].parent {
        0 => (NONE, Attachment::Regular),
        id => {
            ranks.get(&id).map_or((NONE, Attachment::Orphan), |&rank| (rank, Attachment::Regular))
        }
    };
    sorted.iter().map(parent).unzip()
}

/// Makes the earliest span of each cycle a root.
fn break_cycles(parents: &mut [u32], attachments: &mut [Attachment]) {
    // From which rank a walk to the root came by; a cycle is met where a walk meets itself.
    let mut walks = vec![NONE; parents.len()];
    for first in 0..parents.len() {
        let mut rank = first;
        while walks[rank] == NONE {
            walks[rank] = first as u32;
            match parents[rank] {
                NONE => break,
                parent => rank = parent as usize,
            }
        }
        if walks[rank] != first as u32 || parents[rank] == NONE {
            continue;
        }
        let (mut earliest, mut member) = (rank, parents[rank] as usize);
        while member != rank {
            earliest = earliest.min(member);
            member = parents[member] as usize;
        }
        parents[earliest] = NONE;
        attachments[earliest] = Attachment::CycleBroken;
    }
}

/// Children of each rank, end to end, in the order of ranks.
struct Children {
    begin: Vec<u32>,
    ranks: Vec<u32>,
}

impl Children {
    fn new(parents: &[u32]) -> Self {
        let mut begin = vec![0; parents.len() + 1];
        let with_parent = || (0..).zip(parents).filter(|(_, parent)| **parent != NONE);
        for (_, &parent) in with_parent() {
            begin[parent as usize + 1] += 1;
        }
        for rank in 1..begin.len() {
            begin[rank] += begin[rank - 1];
        }
        let mut ranks = vec![0; begin[parents.len()] as usize];
        let mut ends = begin.clone();
        for (rank, &parent) in with_parent() {
            let end = &mut ends[parent as usize];
            ranks[*end as usize] = rank;
            *end += 1;
        }
        Self { begin, ranks }
    }

    fn of(&self, rank: u32) -> &[u32] {
        let rank = rank as usize;
        &self.ranks[self.begin[rank] as usize..self.begin[rank + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(nodes: &[(u64, u64, u64)]) -> Tree {
        let nodes: Vec<Node> = nodes
            .iter()
            .map(|&(id, parent, start_time_unix_nano)| Node { id, parent, start_time_unix_nano })
            .collect();
        Tree::new(&nodes)
    }

    #[test]
    fn a_parent_stands_before_its_children_and_they_in_order_of_start_and_id() {
        let tree = tree(&[(9, 1, 5), (1, 0, 0), (4, 2, 7), (2, 1, 5), (3, 1, 4)]);
        assert_eq!(tree.nodes, [1, 4, 3, 2, 0]);
        assert_eq!(tree.parents, [NONE, 0, 0, 2, 0]);
        assert_eq!(tree.next, [5, 2, 4, 4, 5]);
        assert_eq!(tree.depths, [0, 1, 1, 2, 1]);
    }

    #[test]
    fn a_span_without_its_parent_is_a_root_in_its_place_by_start() {
        let tree = tree(&[(1, 0, 10), (2, 77, 5), (3, 2, 0)]);
        assert_eq!(tree.nodes, [1, 2, 0]);
        assert_eq!(
            tree.attachments,
            [Attachment::Orphan, Attachment::Regular, Attachment::Regular]
        );
        assert_eq!(tree.depths, [0, 1, 0]);
    }

    #[test]
    fn a_cycle_is_cut_above_its_earliest_span() {
        // 1 → 2 → 3 → 1, with 4 under 2 and 5 its own parent.
        let tree = tree(&[(1, 3, 30), (2, 1, 10), (3, 2, 20), (4, 2, 40), (5, 5, 0)]);
        assert_eq!(tree.nodes, [4, 1, 2, 0, 3]);
        assert_eq!(tree.parents, [NONE, NONE, 1, 2, 1]);
        assert_eq!(tree.attachments[..2], [Attachment::CycleBroken, Attachment::CycleBroken]);
        assert!(tree.attachments[2..].iter().all(|&place| place == Attachment::Regular));
    }

    #[test]
    fn of_spans_with_one_id_the_earliest_has_the_children() {
        let tree = tree(&[(1, 0, 0), (2, 1, 9), (2, 1, 3), (3, 2, 5), (0, 0, 1), (0, 0, 2)]);
        assert_eq!(tree.nodes, [0, 2, 3, 1, 4, 5]);
        assert_eq!(tree.next, [4, 3, 3, 4, 5, 6]);
    }

    #[test]
    fn depth_and_width_are_free() {
        let count = 300_000;
        let chain: Vec<_> = (1..=count).rev().map(|id| (id, id - 1, id)).collect();
        let tree = super::tests::tree(&chain);
        assert_eq!(tree.depths.last(), Some(&(count as u32 - 1)));
        assert!(tree.next.iter().all(|&next| next == count as u32));
        let wide: Vec<_> = (1..=count).map(|id| (id, u64::from(id > 1), id)).collect();
        let tree = super::tests::tree(&wide);
        assert!(tree.parents[1..].iter().all(|&parent| parent == 0));
    }
}
