//! The Collector's `span` processor: names from attributes, attributes from names, status.
//!
//! What the rules make of a name depends on the name alone and is worked out once for each.

use std::borrow::Cow;

use hashbrown::HashMap;
use pyo3::prelude::*;
use regex::bytes::Regex;

use super::actions::{
    ActionSettings, AttributePlan, BoundPlan, Keys, compile_pattern, named_groups,
};
use super::editor::Editor;
use super::rebuild::Changes;
use super::value::{plain, scalar_text};
use crate::columns::{Attributes, Columns, HAS_STATUS, Interner, Strings, ValueType};

/// The `span` processor's configuration, checked by its class.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct SpanSettings {
    from_attributes: Vec<String>,
    separator: String,
    rules: Vec<String>,
    break_after_match: bool,
    keep_original_name: bool,
    /// Number of the status code, and its message.
    status: Option<(i32, String)>,
    actions: Vec<ActionSettings>,
}

struct Rule {
    pattern: Regex,
    groups: Vec<(usize, Vec<u8>)>,
}

pub struct SpanPlan {
    from_attributes: Vec<Vec<u8>>,
    separator: Vec<u8>,
    rules: Vec<Rule>,
    break_after_match: bool,
    keep_original_name: bool,
    status: Option<(i32, String)>,
    actions: AttributePlan,
}

/// What the rules make of one name.
struct Rewrite {
    name: u32,
    attributes: NewAttributes,
}

/// Keys and string values, in the order the rules give them.
type NewAttributes = Vec<(u32, Vec<u8>)>;

impl SpanPlan {
    pub fn compile(settings: SpanSettings) -> PyResult<Self> {
        let rule = |pattern: &String| {
            let pattern = compile_pattern(pattern)?;
            Ok(Rule { groups: named_groups(&pattern), pattern })
        };
        Ok(Self {
            from_attributes: settings.from_attributes.into_iter().map(String::into_bytes).collect(),
            separator: settings.separator.into_bytes(),
            rules: settings.rules.iter().map(rule).collect::<PyResult<_>>()?,
            break_after_match: settings.break_after_match,
            keep_original_name: settings.keep_original_name,
            status: settings.status,
            actions: AttributePlan::compile(settings.actions)?,
        })
    }

    /// Names first, from attributes as they came; then the names' rules, then the status, and the
    /// attribute actions last. `None` when nothing changed.
    pub fn apply(&self, columns: &Columns, mask: Option<&[bool]>) -> Option<Columns> {
        let mut names = Cow::Borrowed(&columns.names);
        let mut keys = Keys::new(columns);
        let selected = |row: usize| mask.is_none_or(|mask| mask[row]);

        let mut name = Cow::Borrowed(&columns.spans.name[..]);
        self.name_from_attributes(columns, &selected, &mut names, &mut name);
        let rewrites = self.rewrite_names(&selected, &name, &mut names, &mut keys);
        let bound = self.actions.bind(&mut keys);
        let attributes = self.edit_attributes(columns, &selected, &name, &rewrites, &keys, &bound);
        for row in (0..columns.len()).filter(|&row| selected(row)) {
            if let Some(rewrite) = rewrites.get(&name[row])
                && rewrite.name != name[row]
            {
                name.to_mut()[row] = rewrite.name;
            }
        }
        let changes = Changes {
            keys: keys.into_changed(),
            names: owned(names),
            span_attributes: attributes,
            span_name: owned(name),
            span_status: self.status(columns, &selected),
            resources: None,
        };
        changes.apply(columns)
    }

    /// Names the spans that have all the attributes after their values.
    fn name_from_attributes(
        &self,
        columns: &Columns,
        selected: &impl Fn(usize) -> bool,
        names: &mut Cow<'_, Interner>,
        name: &mut Cow<'_, [u32]>,
    ) {
        let keys = self.from_attributes.iter().map(|key| columns.keys.find(key));
        let Some(keys) = keys.collect::<Option<Vec<u32>>>().filter(|keys| !keys.is_empty()) else {
            return;
        };
        let attributes = &columns.spans.attributes;
        let mut text = Vec::new();
        'spans: for row in (0..columns.len()).filter(|&row| selected(row)) {
            text.clear();
            for (index, &key) in keys.iter().enumerate() {
                let Some(attribute) = attributes.find(row, key) else { continue 'spans };
                if index > 0 {
                    text.extend_from_slice(&self.separator);
                }
                let (value_type, bytes) =
                    plain(attributes.types[attribute], attributes.values.get(attribute));
                let value = scalar_text(value_type, &bytes);
                text.extend_from_slice(value.as_deref().unwrap_or(b"<unknown-attribute-type>"));
            }
            let new = names.find(&text).unwrap_or_else(|| names.to_mut().intern(&text));
            if new != name[row] {
                name.to_mut()[row] = new;
            }
        }
    }

    /// What the rules make of each selected span's name; names no rule matches are left out.
    fn rewrite_names(
        &self,
        selected: &impl Fn(usize) -> bool,
        name: &[u32],
        names: &mut Cow<'_, Interner>,
        keys: &mut Keys<'_>,
    ) -> HashMap<u32, Rewrite> {
        let mut rewrites = HashMap::new();
        if self.rules.is_empty() {
            return rewrites;
        }
        let mut seen = vec![false; names.strings.len()];
        for row in (0..name.len()).filter(|&row| selected(row)) {
            if std::mem::replace(&mut seen[name[row] as usize], true) {
                continue;
            }
            let old = names.strings.get(name[row] as usize).to_vec();
            if let Some((new, attributes)) = self.rewrite(&old, keys) {
                let new = names.find(&new).unwrap_or_else(|| names.to_mut().intern(&new));
                rewrites.insert(name[row], Rewrite { name: new, attributes });
            }
        }
        rewrites
    }

    /// Applies the rules in turn, each to what the one before made of the name.
    fn rewrite(&self, name: &[u8], keys: &mut Keys<'_>) -> Option<(Vec<u8>, NewAttributes)> {
        let mut name = Cow::Borrowed(name);
        let mut attributes = Vec::new();
        let mut matched = false;
        for rule in &self.rules {
            if name.is_empty() {
                break;
            }
            let Some(captures) = rule.pattern.captures(&name) else { continue };
            matched = true;
            let mut rewritten = Vec::with_capacity(name.len());
            let mut copied = 0;
            for (index, key) in &rule.groups {
                let found = captures.get(*index);
                let value = found.map_or(&b""[..], |found| found.as_bytes());
                attributes.push((keys.intern(key), value.to_vec()));
                // A group inside another is gone with it.
                if let Some(found) = found.filter(|found| found.start() >= copied) {
                    rewritten.extend_from_slice(&name[copied..found.start()]);
                    rewritten.push(b'{');
                    rewritten.extend_from_slice(key);
                    rewritten.push(b'}');
                    copied = found.end();
                }
            }
            rewritten.extend_from_slice(&name[copied..]);
            if !self.keep_original_name {
                name = Cow::Owned(rewritten);
            }
            if self.break_after_match {
                break;
            }
        }
        matched.then(|| (name.into_owned(), attributes))
    }

    fn edit_attributes(
        &self,
        columns: &Columns,
        selected: &impl Fn(usize) -> bool,
        name: &[u32],
        rewrites: &HashMap<u32, Rewrite>,
        keys: &Keys<'_>,
        actions: &BoundPlan<'_>,
    ) -> Option<Attributes> {
        if rewrites.is_empty() && actions.is_empty() {
            return None;
        }
        let mut interesting = keys.none();
        actions.mark(&mut interesting);
        for (key, _) in rewrites.values().flat_map(|rewrite| &rewrite.attributes) {
            interesting[*key as usize] = true;
        }
        let mut editor = Editor::new(&columns.spans.attributes);
        let mut buffer = Vec::new();
        for row in (0..columns.len()).filter(|&row| selected(row)) {
            editor.begin(row, &interesting);
            if let Some(rewrite) = rewrites.get(&name[row]) {
                for (key, value) in &rewrite.attributes {
                    editor.put(*key, ValueType::String, value);
                }
            }
            actions.run(&mut editor, &mut buffer);
            editor.end();
        }
        editor.finish()
    }

    /// Presence, codes and messages, where a selected span's status is another.
    fn status(
        &self,
        columns: &Columns,
        selected: &impl Fn(usize) -> bool,
    ) -> Option<(Vec<u8>, Vec<i32>, Strings)> {
        let (code, message) = self.status.as_ref()?;
        let spans = &columns.spans;
        let differs = |row: usize| {
            selected(row)
                && (spans.status_code[row] != *code
                    || spans.status_message.get(row) != message.as_bytes()
                    || (*code != 0 && !spans.has(row, HAS_STATUS)))
        };
        if !(0..spans.len()).any(differs) {
            return None;
        }
        let (mut presence, mut codes) = (spans.presence.clone(), spans.status_code.clone());
        let mut messages = Strings::default();
        for row in 0..spans.len() {
            if differs(row) {
                presence[row] |= HAS_STATUS;
                codes[row] = *code;
                messages.push(message.as_bytes());
            } else {
                messages.push(spans.status_message.get(row));
            }
        }
        Some((presence, codes, messages))
    }
}

fn owned<T: ToOwned + ?Sized>(value: Cow<'_, T>) -> Option<T::Owned> {
    match value {
        Cow::Borrowed(_) => None,
        Cow::Owned(value) => Some(value),
    }
}
