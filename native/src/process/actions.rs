//! The attribute actions of the Collector's `attributes` and `resource` processors.
//!
//! Actions are compiled once; for each batch they are bound to its key table, and an action whose
//! key no attribute has costs nothing from there on. Where an owner gives a key twice, an action
//! applies to both: a deleted secret must not survive as a duplicate.

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::bytes::Regex;
use sha2::{Digest, Sha256};

use super::editor::Editor;
use super::value::{Value, any_text, plain};
use crate::columns::{Attributes, Columns, Interner, ValueType};
use crate::jaeger::text;

/// One entry of an `actions` list, checked by its configuration class.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ActionSettings {
    action: String,
    key: String,
    pattern: String,
    value: Option<Value>,
    default_value: Option<Value>,
    from_attribute: String,
    converted_type: String,
}

#[derive(Clone, Copy, PartialEq)]
enum When {
    Missing,
    Present,
    Always,
}

enum Operation {
    Put {
        when: When,
        value: Value,
    },
    PutFrom {
        when: When,
        attribute: Vec<u8>,
        otherwise: Option<Value>,
    },
    Delete {
        only: Option<Value>,
    },
    Hash,
    Extract {
        pattern: Regex,
        groups: Vec<(usize, Vec<u8>)>,
    },
    Convert(ValueType),
    /// Puts what a batch does not know: values of the client's connection.
    PutNothing,
}

struct Action {
    key: Vec<u8>,
    /// Which other keys `Delete` and `Hash` apply to.
    keys: Option<Regex>,
    operation: Operation,
}

/// A list of attribute actions, applied in order.
pub struct AttributePlan(Vec<Action>);

pub fn compile_pattern(pattern: &str) -> PyResult<Regex> {
    Regex::new(pattern).map_err(|error| PyValueError::new_err(error.to_string()))
}

impl AttributePlan {
    pub fn compile(settings: Vec<ActionSettings>) -> PyResult<Self> {
        settings.into_iter().map(Action::compile).collect::<PyResult<Vec<_>>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies the actions to the owners the mask lets through (all without one); `None` when
    /// nothing changed.
    pub fn apply(
        &self,
        columns: &Columns,
        attributes: &Attributes,
        mask: Option<&[bool]>,
    ) -> Option<(Attributes, Option<Interner>)> {
        let mut keys = Keys::new(columns);
        let bound = self.bind(&mut keys);
        if bound.is_empty() {
            return None;
        }
        let mut interesting = keys.none();
        bound.mark(&mut interesting);
        let mut editor = Editor::new(attributes);
        let mut buffer = Vec::new();
        for owner in 0..attributes.offsets.len() - 1 {
            if mask.is_none_or(|mask| mask[owner]) {
                editor.begin(owner, &interesting);
                bound.run(&mut editor, &mut buffer);
                editor.end();
            }
        }
        Some((editor.finish()?, keys.into_changed()))
    }

    /// Looks the keys up in a batch. An action whose key is neither there nor made by an earlier
    /// action is left out.
    pub fn bind(&self, keys: &mut Keys<'_>) -> BoundPlan<'_> {
        BoundPlan(self.0.iter().filter_map(|action| action.bind(keys)).collect())
    }
}

impl Action {
    fn compile(settings: ActionSettings) -> PyResult<Self> {
        let when = match settings.action.as_str() {
            "insert" => When::Missing,
            "update" => When::Present,
            _ => When::Always,
        };
        let operation = match settings.action.as_str() {
            "insert" | "update" | "upsert" if !settings.from_attribute.is_empty() => {
                let attribute = settings.from_attribute.into();
                Operation::PutFrom { when, attribute, otherwise: settings.default_value }
            }
            "insert" | "update" | "upsert" => match settings.value.or(settings.default_value) {
                Some(value) => Operation::Put { when, value },
                None => Operation::PutNothing,
            },
            "delete" => Operation::Delete { only: settings.value },
            "hash" => Operation::Hash,
            "extract" => {
                let pattern = compile_pattern(&settings.pattern)?;
                let groups = named_groups(&pattern);
                Operation::Extract { pattern, groups }
            }
            "convert" => Operation::Convert(match settings.converted_type.as_str() {
                "int" => ValueType::Int,
                "double" => ValueType::Double,
                _ => ValueType::String,
            }),
            other => return Err(PyValueError::new_err(format!("unsupported action \"{other}\""))),
        };
        let selects = matches!(operation, Operation::Delete { .. } | Operation::Hash);
        let keys = if selects && !settings.pattern.is_empty() {
            Some(compile_pattern(&settings.pattern)?)
        } else {
            None
        };
        Ok(Self { key: settings.key.into(), keys, operation })
    }

    fn bind<'p>(&'p self, keys: &mut Keys<'_>) -> Option<BoundAction<'p>> {
        let mut others = Vec::new();
        let key = match &self.operation {
            Operation::PutNothing => return None,
            Operation::Put { when, .. } => keys.target(&self.key, *when)?,
            Operation::PutFrom { when, attribute, otherwise } => {
                others.extend(keys.find(attribute));
                if others.is_empty() && otherwise.is_none() {
                    return None;
                }
                keys.target(&self.key, *when)?
            }
            Operation::Extract { groups, .. } => {
                let key = keys.find(&self.key)?;
                others.extend(groups.iter().map(|(_, name)| keys.intern(name)));
                key
            }
            Operation::Convert(_) => keys.find(&self.key)?,
            Operation::Delete { .. } | Operation::Hash => {
                if !self.key.is_empty() {
                    others.extend(keys.find(&self.key));
                }
                if let Some(pattern) = &self.keys {
                    others.extend(keys.matching(pattern));
                }
                *others.first()?
            }
        };
        Some(BoundAction { operation: &self.operation, key, others })
    }
}

/// The named groups of a pattern, by position.
pub fn named_groups(pattern: &Regex) -> Vec<(usize, Vec<u8>)> {
    let names = pattern.capture_names().enumerate();
    names.filter_map(|(index, name)| Some((index, name?.as_bytes().to_vec()))).collect()
}

/// A batch's key table, copied when a key is added.
pub struct Keys<'a> {
    known: Cow<'a, Interner>,
}

impl<'a> Keys<'a> {
    pub fn new(columns: &'a Columns) -> Self {
        Self { known: Cow::Borrowed(&columns.keys) }
    }

    pub fn find(&self, key: &[u8]) -> Option<u32> {
        self.known.find(key)
    }

    pub fn intern(&mut self, key: &[u8]) -> u32 {
        self.find(key).unwrap_or_else(|| self.known.to_mut().intern(key))
    }

    fn target(&mut self, key: &[u8], when: When) -> Option<u32> {
        if when == When::Present { self.find(key) } else { Some(self.intern(key)) }
    }

    fn matching(&self, pattern: &Regex) -> impl Iterator<Item = u32> {
        let keys = self.known.strings.iter().enumerate();
        keys.filter(|(_, key)| pattern.is_match(key)).map(|(row, _)| row as u32)
    }

    /// A mark for each key, none set.
    pub fn none(&self) -> Vec<bool> {
        vec![false; self.known.strings.len()]
    }

    /// The table, if a key was added.
    pub fn into_changed(self) -> Option<Interner> {
        match self.known {
            Cow::Borrowed(_) => None,
            Cow::Owned(keys) => Some(keys),
        }
    }
}

struct BoundAction<'p> {
    operation: &'p Operation,
    key: u32,
    /// `PutFrom`: the source, if there. `Extract`: the targets. `Delete` and `Hash`: all that are meant.
    others: Vec<u32>,
}

/// The actions that can do something to a batch.
pub struct BoundPlan<'p>(Vec<BoundAction<'p>>);

impl BoundPlan<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Marks the keys the actions look at.
    pub fn mark(&self, interesting: &mut [bool]) {
        for action in &self.0 {
            interesting[action.key as usize] = true;
            action.others.iter().for_each(|&key| interesting[key as usize] = true);
        }
    }

    /// Applies the actions to the editor's owner.
    #[inline]
    pub fn run(&self, editor: &mut Editor<'_>, buffer: &mut Vec<u8>) {
        for action in &self.0 {
            action.run(editor, buffer);
        }
    }
}

impl BoundAction<'_> {
    fn run(&self, editor: &mut Editor<'_>, buffer: &mut Vec<u8>) {
        match self.operation {
            Operation::Put { when, value } => {
                put(editor, self.key, *when, value.value_type, &value.bytes);
            }
            Operation::PutFrom { when, otherwise, .. } => {
                let source = self.others.first().and_then(|&key| read(editor, key, buffer));
                match (source, otherwise) {
                    (Some(value_type), _) => put(editor, self.key, *when, value_type, buffer),
                    (None, Some(value)) => {
                        put(editor, self.key, *when, value.value_type, &value.bytes);
                    }
                    (None, None) => {}
                }
            }
            Operation::Delete { only } => self.for_each_meant(editor, |editor, slot| {
                let equals = |only: &Value| {
                    let (value_type, bytes) = editor.get(slot);
                    let (value_type, bytes) = plain(value_type, bytes);
                    (value_type, &bytes[..]) == (only.value_type, &only.bytes[..])
                };
                if only.as_ref().is_none_or(equals) {
                    editor.remove(slot);
                }
            }),
            Operation::Hash => self.for_each_meant(editor, |editor, slot| {
                let (value_type, bytes) = editor.get(slot);
                let mut digits = [0; 64];
                let length = hash(value_type, bytes, &mut digits);
                editor.set(slot, ValueType::String, &digits[..length]);
            }),
            Operation::Extract { pattern, groups } => {
                if read(editor, self.key, buffer) == Some(ValueType::String) {
                    extract(pattern, groups, &self.others, editor, buffer);
                }
            }
            Operation::Convert(target) => {
                for slot in editor.slots() {
                    if editor.key(slot) == Some(self.key) {
                        convert(editor, slot, *target);
                    }
                }
            }
            Operation::PutNothing => {}
        }
    }

    fn for_each_meant(&self, editor: &mut Editor<'_>, mut act: impl FnMut(&mut Editor<'_>, usize)) {
        for slot in editor.slots() {
            if editor.key(slot).is_some_and(|key| self.others.contains(&key)) {
                act(editor, slot);
            }
        }
    }
}

fn put(editor: &mut Editor<'_>, key: u32, when: When, value_type: ValueType, value: &[u8]) {
    match when {
        When::Always => editor.put(key, value_type, value),
        When::Present => {
            editor.update(key, value_type, value);
        }
        When::Missing => {
            if editor.find(key).is_none() {
                editor.append(key, value_type, value);
            }
        }
    }
}

/// Copies the value of the first attribute with this key into the buffer.
fn read(editor: &Editor<'_>, key: u32, buffer: &mut Vec<u8>) -> Option<ValueType> {
    let (value_type, bytes) = editor.get(editor.find(key)?);
    let (value_type, bytes) = plain(value_type, bytes);
    buffer.clear();
    buffer.extend_from_slice(&bytes);
    Some(value_type)
}

fn extract(
    pattern: &Regex,
    groups: &[(usize, Vec<u8>)],
    targets: &[u32],
    editor: &mut Editor<'_>,
    value: &[u8],
) {
    let Some(captures) = pattern.captures(value) else { return };
    for ((index, _), &target) in groups.iter().zip(targets) {
        let captured = captures.get(*index).map_or(&b""[..], |found| found.as_bytes());
        editor.put(target, ValueType::String, captured);
    }
}

/// The SHA-256 of the value as lower-case digits; returns how many, none where the Collector
/// hashes nothing (arrays, maps, bytes, empty values).
fn hash(value_type: ValueType, bytes: &[u8], digits: &mut [u8; 64]) -> usize {
    let (value_type, bytes) = plain(value_type, bytes);
    use ValueType::{Bool, Double, Int, String};
    if !matches!(value_type, String | Bool | Int | Double) {
        return 0;
    }
    // Booleans and numbers are kept in the very form that is hashed: one byte, or eight
    // little-endian ones.
    for (pair, byte) in digits.chunks_exact_mut(2).zip(Sha256::digest(&bytes)) {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        (pair[0], pair[1]) = (digit(byte >> 4), digit(byte & 15));
    }
    digits.len()
}

/// Gives the value another type where it can be read as one.
fn convert(editor: &mut Editor<'_>, slot: usize, target: ValueType) {
    let (value_type, bytes) = editor.get(slot);
    let (value_type, bytes) = plain(value_type, bytes);
    let converted = match target {
        ValueType::String => Some(any_text(value_type, &bytes)),
        ValueType::Int => to_integer(value_type, &bytes).map(|value| value.to_le_bytes().to_vec()),
        _ => to_double(value_type, &bytes).map(|value| value.to_le_bytes().to_vec()),
    };
    if value_type != target
        && let Some(converted) = converted
    {
        editor.set(slot, target, &converted);
    }
}

fn to_integer(value_type: ValueType, bytes: &[u8]) -> Option<i64> {
    match value_type {
        ValueType::Bool => Some(i64::from(bytes == [1])),
        ValueType::Double => {
            let value = text::double(bytes).trunc();
            let fits = (-(2f64.powi(63))..2f64.powi(63)).contains(&value);
            if fits { Some(value as i64) } else { None }
        }
        ValueType::String => str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

fn to_double(value_type: ValueType, bytes: &[u8]) -> Option<f64> {
    match value_type {
        ValueType::Bool => Some(f64::from(u8::from(bytes == [1]))),
        ValueType::Int => Some(text::integer(bytes) as f64),
        ValueType::String => {
            let written = str::from_utf8(bytes).ok()?;
            let value: f64 = written.parse().ok()?;
            // A number too large for a double is no double; the word `inf` is one.
            let overflowed = value.is_infinite() && written.contains(|c: char| c.is_ascii_digit());
            if overflowed { None } else { Some(value) }
        }
        _ => None,
    }
}
