//! Reading ClickHouse's Native format: the blocks of an answer, as typed columns over its bytes.
//!
//! Every length is checked against the bytes that are there; the engine is trusted with what an
//! answer means, not with how long it is.

use crate::otlp::DecodeError;

type Result<T> = std::result::Result<T, DecodeError>;

/// Values of one column; all of them borrow from the answer.
#[derive(Debug)]
pub enum Column<'a> {
    /// Numbers and FixedString: `width` bytes a row.
    Fixed {
        width: usize,
        kind: Fixed,
        bytes: &'a [u8],
    },
    Strings(Vec<&'a [u8]>),
    Dictionary {
        strings: Vec<&'a [u8]>,
        indexes: Vec<u32>,
    },
    /// Array (one column): row `i` ends at `ends[i]`.
    Nested {
        ends: Vec<usize>,
        columns: Vec<Column<'a>>,
    },
}

/// What a value of fixed width is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fixed {
    Unsigned,
    Signed,
    Bytes,
}

/// One block of an answer.
pub struct Block<'a> {
    pub rows: usize,
    pub columns: Vec<(&'a str, Column<'a>)>,
}

/// Where we are in the answer.
struct Cursor<'a> {
    answer: &'a [u8],
    position: usize,
}

/// The type of a column, as far as its layout goes.
enum Layout {
    Fixed { width: usize, kind: Fixed },
    String,
    Dictionary,
    Nested(Vec<Layout>),
}

/// All blocks of an answer in `FORMAT Native`.
///
/// # Errors
/// The answer is cut short, or has a column of a type this program never asks for.
pub fn read_blocks(answer: &[u8]) -> Result<Vec<Block<'_>>> {
    let mut cursor = Cursor { answer, position: 0 };
    let mut blocks = Vec::new();
    while cursor.position < answer.len() {
        let columns = cursor.length()?;
        let rows = cursor.length()?;
        let mut block = Block { rows, columns: Vec::new() };
        for _ in 0..columns {
            let name = cursor.text()?;
            let data_type = cursor.text()?;
            let layout = layout(data_type)
                .ok_or_else(|| cursor.fault(&format!("unexpected column type {data_type}")))?;
            cursor.state(&layout, rows)?;
            block.columns.push((name, cursor.values(&layout, rows)?));
        }
        blocks.push(block);
    }
    Ok(blocks)
}

fn layout(data_type: &str) -> Option<Layout> {
    let inner = |name: &str| data_type.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let fixed = |width, kind| Some(Layout::Fixed { width, kind });
    match data_type {
        "UInt8" | "Bool" => fixed(1, Fixed::Unsigned),
        "UInt16" | "Date" => fixed(2, Fixed::Unsigned),
        "UInt32" | "DateTime" => fixed(4, Fixed::Unsigned),
        "UInt64" => fixed(8, Fixed::Unsigned),
        "Int8" => fixed(1, Fixed::Signed),
        "Int16" => fixed(2, Fixed::Signed),
        "Int32" => fixed(4, Fixed::Signed),
        "Int64" => fixed(8, Fixed::Signed),
        "String" => Some(Layout::String),
        "LowCardinality(String)" => Some(Layout::Dictionary),
        _ if inner("DateTime").is_some() => fixed(4, Fixed::Unsigned),
        _ => {
            if let Some(width) = inner("FixedString") {
                fixed(width.parse().ok()?, Fixed::Bytes)
            } else if let Some(element) = inner("Array") {
                Some(Layout::Nested(vec![layout(element)?]))
            } else if let Some(arguments) = inner("SimpleAggregateFunction") {
                // Its values are those of the type behind the function's name.
                layout(arguments.split_once(", ")?.1)
            } else {
                None
            }
        }
    }
}

impl<'a> Cursor<'a> {
    fn fault(&self, reason: &str) -> DecodeError {
        DecodeError::new("ClickHouse answer", self.position, reason)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.answer[self.position..];
        if length > rest.len() {
            return Err(self.fault(&format!("needs {length} bytes, {} left", rest.len())));
        }
        self.position += length;
        Ok(&rest[..length])
    }

    /// The bytes of `count` values of `width` bytes.
    fn take_values(&mut self, count: usize, width: usize) -> Result<&'a [u8]> {
        let length = count.checked_mul(width).ok_or_else(|| self.fault("too many values"))?;
        self.take(length)
    }

    fn length(&mut self) -> Result<usize> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value as usize);
            }
        }
        Err(self.fault("length exceeds 63 bits"))
    }

    fn number(&mut self) -> Result<u64> {
        Ok(integer(self.take(8)?))
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.fault("a name is not UTF-8"))
    }

    /// Dictionary versions, which stand before all values of a column.
    fn state(&mut self, layout: &Layout, rows: usize) -> Result<()> {
        match layout {
            Layout::Dictionary if rows > 0 => match self.number()? {
                1 => Ok(()),
                version => Err(self.fault(&format!("unknown dictionary version {version}"))),
            },
            Layout::Nested(inner) => inner.iter().try_for_each(|inner| self.state(inner, rows)),
            _ => Ok(()),
        }
    }

    fn strings(&mut self, count: usize) -> Result<Vec<&'a [u8]>> {
        // A string takes at least its length's byte, so a count beyond the answer is a lie.
        let mut strings = Vec::with_capacity(count.min(self.answer.len() - self.position));
        for _ in 0..count {
            strings.push(self.bytes()?);
        }
        Ok(strings)
    }

    fn values(&mut self, layout: &Layout, rows: usize) -> Result<Column<'a>> {
        match layout {
            &Layout::Fixed { width, kind } => {
                Ok(Column::Fixed { width, kind, bytes: self.take_values(rows, width)? })
            }
            Layout::String => Ok(Column::Strings(self.strings(rows)?)),
            Layout::Dictionary => self.dictionary(rows),
            Layout::Nested(inner) => {
                let ends = self.take_values(rows, 8)?;
                let ends: Vec<usize> =
                    ends.chunks_exact(8).map(|end| integer(end) as usize).collect();
                if !ends.is_sorted() {
                    return Err(self.fault("offsets are out of order"));
                }
                let count = ends.last().copied().unwrap_or(0);
                let columns = inner
                    .iter()
                    .map(|layout| self.values(layout, count))
                    .collect::<Result<Vec<_>>>()?;
                Ok(Column::Nested { ends, columns })
            }
        }
    }

    fn dictionary(&mut self, rows: usize) -> Result<Column<'a>> {
        if rows == 0 {
            return Ok(Column::Dictionary { strings: vec![], indexes: vec![] });
        }
        let flags = self.number()?;
        let width = match flags & 0xff {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return Err(self.fault("dictionary indexes of unknown width")),
        };
        let count = self.number()? as usize;
        let strings = self.strings(count)?;
        if self.number()? != rows as u64 {
            return Err(self.fault("dictionary has another number of rows"));
        }
        let indexes = self.take_values(rows, width)?.chunks_exact(width);
        let indexes: Vec<u32> = indexes.map(|index| integer(index) as u32).collect();
        if indexes.iter().any(|&index| index as usize >= strings.len()) {
            return Err(self.fault("dictionary index past the dictionary"));
        }
        Ok(Column::Dictionary { strings, indexes })
    }
}

/// Up to eight little-endian bytes.
#[inline]
pub fn integer(bytes: &[u8]) -> u64 {
    let mut value = [0; 8];
    value[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(value)
}

impl<'a> Block<'a> {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Result<&Column<'a>> {
        let column = self.columns.iter().find(|(other, _)| *other == name);
        column.map(|(_, column)| column).ok_or_else(|| {
            DecodeError::new("ClickHouse answer", 0, format!("column {name} is missing"))
        })
    }
}

impl<'a> Column<'a> {
    /// The bytes of a row's value; empty for nested values.
    #[inline]
    pub fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Column::Fixed { width, bytes, .. } => &bytes[row * width..(row + 1) * width],
            Column::Strings(strings) => strings[row],
            Column::Dictionary { strings, indexes } => strings[indexes[row] as usize],
            Column::Nested { .. } => &[],
        }
    }

    /// A row's number as its bits; zero where the column has no numbers.
    #[inline]
    pub fn number(&self, row: usize) -> u64 {
        match *self {
            Column::Fixed { kind: Fixed::Bytes, .. } => 0,
            Column::Fixed { width, kind: Fixed::Signed, .. } => {
                let unused = 64 - 8 * width as u32;
                ((integer(self.get(row)) << unused) as i64 >> unused) as u64
            }
            Column::Fixed { .. } => integer(self.get(row)),
            _ => 0,
        }
    }

    /// The values of a nested row, as rows of the inner columns.
    #[inline]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        match self {
            Column::Nested { ends, .. } => (if row == 0 { 0 } else { ends[row - 1] })..ends[row],
            _ => 0..0,
        }
    }

    /// The numbers of an array in a row.
    pub fn elements(&self, row: usize) -> impl Iterator<Item = u64> + '_ {
        let values = match self {
            Column::Nested { columns, .. } => columns.first(),
            _ => None,
        };
        self.range(row).filter_map(move |place| values.map(|values| values.number(place)))
    }
}
