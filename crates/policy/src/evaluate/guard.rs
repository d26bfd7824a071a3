//! Policies that keep requests out, with the original's reasons and messages.

use std::fmt::Write;
use std::net::IpAddr;

use http::header::{ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Answer, Exchange, Failure, Outcome, Verdict};
use crate::cors::Cors;
use crate::document::{CheckHeader, IpFilter, RateLimit};

pub(super) fn ip_filter(filter: &IpFilter, client: IpAddr) -> Result<(), Failure> {
    let client = client.to_canonical();
    let listed = filter
        .ranges
        .iter()
        .any(|(from, to)| from.is_ipv4() == client.is_ipv4() && (*from..=*to).contains(&client));
    match (filter.allow, listed) {
        (true, false) => Err(Failure::new(
            StatusCode::FORBIDDEN,
            "CallerIpNotAllowed",
            format!("Caller IP address {client} is not allowed. Access denied."),
        )),
        (false, true) => Err(Failure::new(
            StatusCode::FORBIDDEN,
            "CallerIpBlocked",
            "Caller IP address is in blocked list. Access denied.",
        )),
        _ => Ok(()),
    }
}

pub(super) fn check_header(check: &CheckHeader, headers: &HeaderMap) -> Result<(), Failure> {
    let fail =
        |reason, text: String| Err(Failure::new(check.status, reason, check.message.clone().unwrap_or(text)));
    let mut present = headers.get_all(&check.name).iter().peekable();
    if present.peek().is_none() {
        let text = format!("Header {} was not found in the request. Access denied.", check.name);
        return fail("HeaderNotFound", text);
    }
    let allowed = |value: &HeaderValue| {
        check.values.iter().any(|wanted| {
            if check.ignore_case {
                wanted.as_bytes().eq_ignore_ascii_case(value.as_bytes())
            } else {
                wanted.as_bytes() == value.as_bytes()
            }
        })
    };
    if check.values.is_empty() || present.any(allowed) {
        return Ok(());
    }
    // The original repeats the value; it may be a credential, so this does not.
    fail("HeaderValueNotAllowed", format!("Header {} value is not allowed. Access denied.", check.name))
}

pub(super) fn quota(verdict: Verdict) -> Result<(), Failure> {
    let Verdict::Exceeded { retry_after, bandwidth } = verdict else { return Ok(()) };
    let what = if bandwidth { "bandwidth" } else { "call volume" };
    let mut message = format!("Out of {what} quota.");
    let mut headers = Vec::new();
    if let Some(seconds) = retry_after {
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let _ = write!(message, " Quota will be replenished in {hours:02}:{minutes:02}:{:02}.", seconds % 60);
        headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
    }
    Err(Failure { headers, ..Failure::new(StatusCode::FORBIDDEN, "QuotaExceeded", message) })
}

impl Exchange<'_> {
    pub(super) fn rate_limit(&mut self, limit: &RateLimit, verdict: Verdict) -> Result<(), Failure> {
        match verdict {
            Verdict::Allowed { remaining, total } => {
                let shown = [(&limit.remaining_header, remaining), (&limit.total_header, total)];
                for (name, value) in shown {
                    if let Some(name) = name {
                        self.response_headers.push((name.clone(), HeaderValue::from(value)));
                    }
                }
                Ok(())
            }
            Verdict::Exceeded { retry_after, .. } => {
                let seconds = retry_after.unwrap_or(0);
                let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
                let failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", message);
                let headers = vec![(limit.retry_after_header.clone(), HeaderValue::from(seconds))];
                Err(Failure { headers, ..failure })
            }
        }
    }

    pub(super) fn cors(&mut self, cors: &Cors) -> Outcome {
        let Some(origin) = self.headers.get(ORIGIN) else { return Outcome::Continue };
        if self.cors_allowed {
            return Outcome::Continue;
        }
        if cors.allows_origin(origin) {
            self.response_headers.extend(cors.response_headers(origin));
            self.cors_allowed = true;
            Outcome::Continue
        } else if cors.terminate_unmatched {
            Outcome::Respond(Box::new(Answer::empty()))
        } else {
            Outcome::Continue
        }
    }
}
