//! Processors on columns: attribute actions, span rules, and the probabilistic sampler.
//!
//! Each is compiled once from its configuration and then applied to whole batches. A batch nothing
//! changes in is handed back as it is, so that its bytes can be sent on. `matcher` selects spans,
//! `actions` and `rename` change them through `editor`, `sampler` drops them by trace id and
//! `tracestate`.

pub mod actions;
pub mod editor;
pub mod matcher;
pub mod rebuild;
pub mod rename;
pub mod sampler;
pub mod tracestate;
pub mod value;

#[cfg(test)]
mod tests;

use pyo3::prelude::*;

use crate::batch::SpanBatch;
use crate::columns::Columns;
use actions::{ActionSettings, AttributePlan, compile_pattern};
use matcher::SpanMatcher;
use rebuild::Changes;
use rename::{SpanPlan, SpanSettings};
use sampler::{Mode, POLICIES, Sampler};

/// The batch `change` makes of a batch; the very same one when it makes none.
fn changed<'py>(
    batch: Bound<'py, SpanBatch>,
    change: impl FnOnce(&Columns) -> Option<Columns> + Send,
) -> PyResult<Bound<'py, SpanBatch>> {
    let py = batch.py();
    let given = batch.get();
    let result = py.detach(|| given.columns().map(|columns| change(&columns)))?;
    match result {
        None => Ok(batch),
        Some(columns) => Bound::new(py, SpanBatch::from_columns(columns)),
    }
}

/// A list of attribute actions.
#[pyclass(frozen, module = "ananta._native")]
struct AttributeActions(AttributePlan);

#[pymethods]
impl AttributeActions {
    #[new]
    fn new(actions: Vec<ActionSettings>) -> PyResult<Self> {
        AttributePlan::compile(actions).map(Self)
    }

    /// Changes the attributes of the spans the matcher selects, of all without one.
    #[pyo3(signature = (batch, matcher=None))]
    fn apply_to_spans<'py>(
        &self,
        batch: Bound<'py, SpanBatch>,
        matcher: Option<&SpanMatcher>,
    ) -> PyResult<Bound<'py, SpanBatch>> {
        changed(batch, |columns| {
            let mask = matcher.and_then(|matcher| matcher.mask(columns));
            let attributes = &columns.spans.attributes;
            let (attributes, keys) = self.0.apply(columns, attributes, mask.as_deref())?;
            Changes { keys, span_attributes: Some(attributes), ..Changes::default() }.apply(columns)
        })
    }

    /// Changes the attributes of all resources.
    fn apply_to_resources<'py>(
        &self,
        batch: Bound<'py, SpanBatch>,
    ) -> PyResult<Bound<'py, SpanBatch>> {
        changed(batch, |columns| {
            let (attributes, keys) = self.0.apply(columns, &columns.resources.attributes, None)?;
            let mut resources = columns.resources.clone();
            for (row, present) in resources.present.iter_mut().enumerate() {
                *present |= !attributes.range(row).is_empty();
            }
            resources.attributes = attributes;
            Changes { keys, resources: Some(resources), ..Changes::default() }.apply(columns)
        })
    }
}

/// Rules for span names and status, with attribute actions.
#[pyclass(frozen, module = "ananta._native")]
struct SpanRules(SpanPlan);

#[pymethods]
impl SpanRules {
    #[new]
    fn new(settings: SpanSettings) -> PyResult<Self> {
        SpanPlan::compile(settings).map(Self)
    }

    /// Applies the rules to the spans the matcher selects, to all without one.
    #[pyo3(signature = (batch, matcher=None))]
    fn apply<'py>(
        &self,
        batch: Bound<'py, SpanBatch>,
        matcher: Option<&SpanMatcher>,
    ) -> PyResult<Bound<'py, SpanBatch>> {
        changed(batch, |columns| {
            let mask = matcher.and_then(|matcher| matcher.mask(columns));
            self.0.apply(columns, mask.as_deref())
        })
    }
}

/// How many spans a policy kept (true) or dropped.
type Decisions = (&'static str, bool, u64);

/// Keeps a share of all traces.
#[pyclass(frozen, module = "ananta._native")]
struct TraceSampler(Sampler);

#[pymethods]
impl TraceSampler {
    /// Args: mode `hash_seed`, `equalizing` or `proportional`; the percentage as a 32-bit float;
    /// precision in hexadecimal digits.
    #[new]
    #[pyo3(signature = (*, mode, percentage, hash_seed, precision, fail_closed))]
    fn new(mode: &str, percentage: f32, hash_seed: u32, precision: i32, fail_closed: bool) -> Self {
        Self(Sampler { mode: Mode::new(mode, percentage, hash_seed, precision), fail_closed })
    }

    /// Whether the percentage was too small for the mode, or zero: nothing is kept but what
    /// `sampling.priority` asks for.
    #[getter]
    fn never(&self) -> bool {
        self.0.mode == Mode::Never
    }

    /// The kept spans, and how many each policy kept or dropped: (policy, kept, spans).
    fn sample(&self, py: Python<'_>, batch: &SpanBatch) -> PyResult<(SpanBatch, Vec<Decisions>)> {
        let (columns, counts) =
            py.detach(|| batch.columns().map(|columns| self.0.sample(&columns)))?;
        let mut decisions = Vec::new();
        for (policy, [dropped, kept]) in POLICIES.into_iter().zip(counts) {
            for (sampled, spans) in [(true, kept), (false, dropped)] {
                if spans > 0 {
                    decisions.push((policy, sampled, spans));
                }
            }
        }
        Ok((SpanBatch::from_columns(columns), decisions))
    }
}

/// The names of a pattern's groups, None for those without one.
///
/// Raises:
///     ValueError: the pattern is none; the message shows where.
#[pyfunction]
fn pattern_groups(pattern: &str) -> PyResult<Vec<Option<String>>> {
    let pattern = compile_pattern(pattern)?;
    Ok(pattern.capture_names().skip(1).map(|name| name.map(str::to_owned)).collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<AttributeActions>()?;
    module.add_class::<SpanMatcher>()?;
    module.add_class::<SpanRules>()?;
    module.add_class::<TraceSampler>()?;
    module.add_function(wrap_pyfunction!(pattern_groups, module)?)
}
