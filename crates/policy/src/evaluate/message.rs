//! Policies that change or make messages.

use bytes::Bytes;
use evergate_model::snapshot;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::{Answer, Exchange, Failure};
use crate::document::{
    ExistsAction, MockResponse, ReturnResponse, RewriteUri, SetHeader, SetQueryParameter, TemplatePart,
};
use crate::query;

pub(super) fn set_header(headers: &mut HeaderMap, set: &SetHeader) {
    match set.action {
        ExistsAction::Delete => {
            headers.remove(&set.name);
        }
        ExistsAction::Skip if headers.contains_key(&set.name) => {}
        ExistsAction::Append | ExistsAction::Skip => {
            for value in &set.values {
                headers.append(&set.name, value.clone());
            }
        }
        ExistsAction::Override => {
            let mut values = set.values.iter();
            if let Some(first) = values.next() {
                headers.insert(&set.name, first.clone());
            }
            for value in values {
                headers.append(&set.name, value.clone());
            }
        }
    }
}

pub(super) fn canned(response: &ReturnResponse) -> Answer {
    let mut headers = HeaderMap::new();
    for set in &response.headers {
        set_header(&mut headers, set);
    }
    Answer { status: response.status, headers, body: response.body.clone() }
}

/// An example that the operation declares for the status, or no content.
pub(super) fn mock(responses: &[snapshot::MockResponse], mock: &MockResponse) -> Answer {
    let mut answer = Answer { status: mock.status, ..Answer::default() };
    let representations = responses
        .iter()
        .filter(|response| response.status == mock.status.as_u16())
        .flat_map(|response| &response.representations);
    let wanted = |content_type: &str| {
        mock.content_type.as_deref().is_none_or(|wanted| content_type.eq_ignore_ascii_case(wanted))
    };
    let mut examples = representations
        .filter(|representation| wanted(&representation.content_type))
        .flat_map(|shown| shown.examples.iter().map(|example| (&shown.content_type, example)));
    if let Some((content_type, example)) = examples.nth(mock.index.unwrap_or(0)) {
        answer.body = Bytes::copy_from_slice(example.as_bytes());
        if let Ok(value) = HeaderValue::from_str(content_type) {
            answer.headers.insert(CONTENT_TYPE, value);
        }
    }
    answer
}

impl Exchange<'_> {
    pub(super) fn set_query_parameter(&mut self, set: &SetQueryParameter) {
        let current = self.current_query();
        let exists = query::find(current, &set.name).is_some();
        let mut edited = match set.action {
            ExistsAction::Skip if exists => return,
            ExistsAction::Override | ExistsAction::Delete => query::without(current, &set.name),
            ExistsAction::Skip | ExistsAction::Append => current.to_owned(),
        };
        if set.action != ExistsAction::Delete {
            for value in &set.values {
                query::push(&mut edited, &set.name, value);
            }
        }
        self.query = Some(edited);
    }

    pub(super) fn rewrite(&mut self, rewrite: &RewriteUri) -> Result<(), Failure> {
        let path = self.render(&rewrite.path, false)?;
        let mut edited = self.render(&rewrite.query, true)?;
        if rewrite.copy_unmatched {
            for (pair, name, _) in query::pairs(self.current_query()) {
                if !self.parameters.takes_query(&query::decode(name)) {
                    query::push_raw(&mut edited, pair);
                }
            }
        }
        self.path = Some(path);
        self.query = Some(edited);
        Ok(())
    }

    fn render(&self, parts: &[TemplatePart], in_query: bool) -> Result<String, Failure> {
        let mut out = String::new();
        for part in parts {
            match part {
                TemplatePart::Literal(text) => out.push_str(text),
                TemplatePart::Parameter(name) => {
                    let value = self.parameters.parameter(name).ok_or_else(|| {
                        Failure::unsupported(&format!(
                            "the template parameter '{name}' in rewrite-uri: the operation's URL template does not have it"
                        ))
                    })?;
                    push_parameter(&mut out, value, in_query);
                }
            }
        }
        Ok(out)
    }
}

/// A value from the URL keeps its encoding; what would mean something else in its new place is encoded.
fn push_parameter(out: &mut String, value: &str, in_query: bool) {
    for character in value.chars() {
        match (in_query, character) {
            (true, '&') => out.push_str("%26"),
            (true, '=') => out.push_str("%3D"),
            (true, '+') => out.push_str("%2B"),
            (false, '?') => out.push_str("%3F"),
            _ => out.push(character),
        }
    }
}
