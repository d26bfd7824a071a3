//! `rate-limit` and `quota`.

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;

use super::element::Element;
use crate::document::{LimitRule, LimitScope, Quota, RateLimit, Selector};
use crate::error::PolicyError;

const MEASURES: [&str; 3] = ["calls", "bandwidth", "renewal-period"];
const NAMED: [&str; 5] = ["name", "id", "calls", "bandwidth", "renewal-period"];

/// What a counter's packed word can count to.
const MAX_CALLS: u64 = (1 << 24) - 1;

pub(super) fn rate_limit(element: &Element<'_, '_>) -> Result<RateLimit, PolicyError> {
    element.only(&[
        "calls",
        "renewal-period",
        "retry-after-header-name",
        "remaining-calls-header-name",
        "total-calls-header-name",
    ])?;
    let rules = rules(element, false)?;
    for rule in &rules {
        if rule.calls.is_none_or(|calls| calls > MAX_CALLS) {
            return Err(element.error(&format!("the attribute 'calls' is required, and at most {MAX_CALLS}")));
        }
        if rule.period.is_none_or(|period| period.is_zero() || period > Duration::from_hours(24)) {
            return Err(element.error("the attribute 'renewal-period' is required, from 1 to 86400 seconds"));
        }
    }
    Ok(RateLimit {
        rules,
        retry_after_header: element.header_name("retry-after-header-name")?.unwrap_or(RETRY_AFTER),
        remaining_header: element.header_name("remaining-calls-header-name")?,
        total_header: element.header_name("total-calls-header-name")?,
    })
}

pub(super) fn quota(element: &Element<'_, '_>) -> Result<Quota, PolicyError> {
    element.only(&MEASURES)?;
    let rules = rules(element, true)?;
    if rules.iter().any(|rule| rule.calls.is_none() && rule.kilobytes.is_none()) {
        return Err(element.error("the attribute 'calls' or 'bandwidth' is required"));
    }
    Ok(Quota { rules })
}

fn rules(element: &Element<'_, '_>, bandwidth: bool) -> Result<Vec<LimitRule>, PolicyError> {
    let mut rules = vec![rule(element, LimitScope::All, bandwidth)?];
    for api in element.children()? {
        if api.name() != "api" {
            return Err(api.error("only <api> is allowed here"));
        }
        api.only(&NAMED)?;
        let selector = selector(&api)?;
        if measured(&api)? {
            rules.push(rule(&api, LimitScope::Api(selector.clone()), bandwidth)?);
        }
        for operation in api.children()? {
            if operation.name() != "operation" {
                return Err(operation.error("only <operation> is allowed here"));
            }
            operation.only(&NAMED)?;
            operation.empty()?;
            let scope = LimitScope::Operation(selector.clone(), self::selector(&operation)?);
            rules.push(rule(&operation, scope, bandwidth)?);
        }
    }
    Ok(rules)
}

fn measured(element: &Element<'_, '_>) -> Result<bool, PolicyError> {
    Ok(element.attribute("calls")?.is_some() || element.attribute("bandwidth")?.is_some())
}

fn selector(element: &Element<'_, '_>) -> Result<Selector, PolicyError> {
    match (element.attribute("id")?, element.attribute("name")?) {
        (Some(id), _) => Ok(Selector::Id(id)),
        (None, Some(name)) => Ok(Selector::Name(name)),
        (None, None) => Err(element.error("the attribute 'id' or 'name' is required")),
    }
}

fn rule(element: &Element<'_, '_>, applies: LimitScope, bandwidth: bool) -> Result<LimitRule, PolicyError> {
    let kilobytes = element.parsed("bandwidth", "a number of kilobytes")?;
    if kilobytes.is_some() && !bandwidth {
        return Err(element.error("the attribute 'bandwidth' is not supported"));
    }
    let seconds: Option<u64> = element.parsed("renewal-period", "a number of seconds")?;
    let seconds = seconds.ok_or_else(|| element.error("the attribute 'renewal-period' is required"))?;
    Ok(LimitRule {
        id: Arc::from(element.compiler.next_counter()),
        applies,
        calls: element.parsed("calls", "a number of calls")?,
        kilobytes,
        period: (seconds > 0).then(|| Duration::from_secs(seconds)),
    })
}
