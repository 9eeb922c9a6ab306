//! Which spans a processor looks at: the Collector's `include` and `exclude`.
//!
//! Whatever all spans of a scope or with a name share is decided once for them; span attributes
//! are looked at last.

use pyo3::prelude::*;
use regex::bytes::{Regex, RegexSet};

use super::actions::compile_pattern;
use super::value::{Value, plain, scalar_text};
use crate::columns::{Attributes, Columns};
use pyo3::exceptions::PyValueError;

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// `include` or `exclude`, checked by its configuration class. Empty lists match everything.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct PropertySettings {
    match_type: String,
    services: Vec<String>,
    span_names: Vec<String>,
    span_kinds: Vec<String>,
    attributes: Vec<AttributeSettings>,
    resources: Vec<AttributeSettings>,
    libraries: Vec<LibrarySettings>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct AttributeSettings {
    key: String,
    value: Option<Value>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct LibrarySettings {
    name: String,
    version: Option<String>,
}

/// Texts of which one must match.
enum Texts {
    Any,
    Equal(Vec<Vec<u8>>),
    Matching(RegexSet),
}

impl Texts {
    fn compile(texts: &[String], regexp: bool) -> PyResult<Self> {
        if texts.is_empty() {
            return Ok(Texts::Any);
        }
        if !regexp {
            return Ok(Texts::Equal(texts.iter().map(|text| text.clone().into()).collect()));
        }
        let set = RegexSet::new(texts);
        set.map(Texts::Matching).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Texts::Any => true,
            Texts::Equal(texts) => texts.iter().any(|wanted| wanted == text),
            Texts::Matching(patterns) => patterns.is_match(text),
        }
    }
}

enum Wanted {
    Anything,
    Equal(Value),
    Matching(Regex),
}

struct AttributeCondition {
    key: Vec<u8>,
    wanted: Wanted,
}

impl AttributeCondition {
    fn compile(settings: AttributeSettings, regexp: bool) -> PyResult<Self> {
        let wanted = match settings.value {
            None => Wanted::Anything,
            Some(value) if regexp => {
                Wanted::Matching(compile_pattern(&String::from_utf8_lossy(&value.bytes))?)
            }
            Some(value) => Wanted::Equal(value),
        };
        Ok(Self { key: settings.key.into(), wanted })
    }

    fn holds(&self, attributes: &Attributes, owner: usize, key: u32) -> bool {
        let Some(row) = attributes.find(owner, key) else { return false };
        let (value_type, bytes) = plain(attributes.types[row], attributes.values.get(row));
        match &self.wanted {
            Wanted::Anything => true,
            Wanted::Equal(value) => (value_type, &bytes[..]) == (value.value_type, &value.bytes),
            Wanted::Matching(pattern) => {
                scalar_text(value_type, &bytes).is_some_and(|text| pattern.is_match(&text))
            }
        }
    }
}

/// Conditions on attributes with their keys looked up in one batch.
struct BoundConditions<'m>(Vec<(&'m AttributeCondition, u32)>);

impl<'m> BoundConditions<'m> {
    /// `None` when a key is nowhere in the batch, so that nothing can match.
    fn new(conditions: &'m [AttributeCondition], columns: &Columns) -> Option<Self> {
        let bound = conditions
            .iter()
            .map(|condition| Some((condition, columns.keys.find(&condition.key)?)));
        bound.collect::<Option<Vec<_>>>().map(Self)
    }

    fn hold(&self, attributes: &Attributes, owner: usize) -> bool {
        self.0.iter().all(|(condition, key)| condition.holds(attributes, owner, *key))
    }
}

struct Properties {
    services: Texts,
    span_names: Texts,
    span_kinds: Texts,
    attributes: Vec<AttributeCondition>,
    resources: Vec<AttributeCondition>,
    libraries: Vec<(Texts, Texts)>,
}

impl Properties {
    fn compile(settings: PropertySettings) -> PyResult<Self> {
        let regexp = settings.match_type == "regexp";
        let conditions = |list: Vec<AttributeSettings>| {
            let conditions = list.into_iter().map(|item| AttributeCondition::compile(item, regexp));
            conditions.collect::<PyResult<Vec<_>>>()
        };
        let library = |library: LibrarySettings| {
            let version = library.version.as_slice();
            Ok((Texts::compile(&[library.name], regexp)?, Texts::compile(version, regexp)?))
        };
        Ok(Self {
            services: Texts::compile(&settings.services, regexp)?,
            span_names: Texts::compile(&settings.span_names, regexp)?,
            span_kinds: Texts::compile(&settings.span_kinds, regexp)?,
            attributes: conditions(settings.attributes)?,
            resources: conditions(settings.resources)?,
            libraries: settings.libraries.into_iter().map(library).collect::<PyResult<_>>()?,
        })
    }

    /// Whether each span has all the properties.
    fn mask(&self, columns: &Columns) -> Vec<bool> {
        let spans = &columns.spans;
        let (Some(attributes), Some(resources)) = (
            BoundConditions::new(&self.attributes, columns),
            BoundConditions::new(&self.resources, columns),
        ) else {
            return vec![false; spans.len()];
        };
        let scopes = self.scopes(columns, &resources);
        let mut names = vec![None; columns.names.strings.len()];
        let mut name_matches = |name: u32| {
            *names[name as usize].get_or_insert_with(|| self.span_names.matches(columns.name(name)))
        };
        (0..spans.len())
            .map(|span| {
                scopes[spans.scope[span] as usize]
                    && self.kind_matches(spans.kind[span])
                    && name_matches(spans.name[span])
                    && attributes.hold(&spans.attributes, span)
            })
            .collect()
    }

    /// Whether each scope, and the resource it belongs to, match.
    fn scopes(&self, columns: &Columns, resources: &BoundConditions<'_>) -> Vec<bool> {
        let table = &columns.resources;
        let service_key = columns.keys.find(b"service.name");
        let resource_matches: Vec<bool> = (0..table.present.len())
            .map(|row| {
                let service = service_key.and_then(|key| table.attributes.find(row, key));
                let service = service.and_then(|row| {
                    scalar_text(table.attributes.types[row], table.attributes.values.get(row))
                });
                let service = service.as_deref().unwrap_or(b"<nil-service-name>");
                self.services.matches(service) && resources.hold(&table.attributes, row)
            })
            .collect();
        let scopes = &columns.scopes;
        let library_matches = |row: usize| {
            let (name, version) = (scopes.name.get(row), scopes.version.get(row));
            self.libraries.is_empty()
                || self
                    .libraries
                    .iter()
                    .any(|(names, versions)| names.matches(name) && versions.matches(version))
        };
        (0..scopes.present.len())
            .map(|row| resource_matches[scopes.resource[row] as usize] && library_matches(row))
            .collect()
    }

    fn kind_matches(&self, kind: i32) -> bool {
        let name = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
        self.span_kinds.matches(name.copied().unwrap_or_default().as_bytes())
    }
}

/// Selects spans: those `include` matches, less those `exclude` matches.
#[pyclass(frozen, module = "ananta._native")]
pub struct SpanMatcher {
    include: Option<Properties>,
    exclude: Option<Properties>,
}

#[pymethods]
impl SpanMatcher {
    #[new]
    #[pyo3(signature = (include, exclude))]
    fn new(include: Option<PropertySettings>, exclude: Option<PropertySettings>) -> PyResult<Self> {
        Ok(Self {
            include: include.map(Properties::compile).transpose()?,
            exclude: exclude.map(Properties::compile).transpose()?,
        })
    }
}

impl SpanMatcher {
    /// Whether each span is selected; `None` when all are.
    pub fn mask(&self, columns: &Columns) -> Option<Vec<bool>> {
        let included = self.include.as_ref().map(|properties| properties.mask(columns));
        let excluded = self.exclude.as_ref().map(|properties| properties.mask(columns));
        match (included, excluded) {
            (None, None) => None,
            (included, None) => included,
            (None, Some(excluded)) => Some(excluded.into_iter().map(|matches| !matches).collect()),
            (Some(included), Some(excluded)) => {
                let both = included.into_iter().zip(excluded);
                Some(both.map(|(included, excluded)| included && !excluded).collect())
            }
        }
    }
}
