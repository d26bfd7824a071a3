//! What compiled policies do to an exchange.

use super::*;
use crate::compile::{Compiler, compile};

#[derive(Debug)]
struct Named(&'static [(&'static str, &'static str)], &'static [&'static str]);

impl Parameters for Named {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn takes_query(&self, name: &str) -> bool {
        self.1.contains(&name)
    }
}

struct Unlimited;

impl Effects for Unlimited {
    fn rate_limit(&mut self, _: &RateLimit) -> Verdict {
        Verdict::Exceeded { retry_after: Some(3725), bandwidth: false }
    }

    fn quota(&mut self, _: &Quota) -> Verdict {
        Verdict::Exceeded { retry_after: Some(3725), bandwidth: false }
    }
}

fn document(xml: &str) -> Document {
    compile(xml, &Compiler::new("s", &|_| None)).unwrap()
}

const PARAMETERS: Named = Named(&[("id", "a%20b"), ("odd", "x&y=z+?")], &["size"]);

#[test]
fn rewriting_keeps_the_encoding_and_what_the_template_does_not_take() {
    let check = |template: &str, copy: bool, query: &str, expected: Result<(&str, &str), &str>| {
        let template = template.replace('&', "&amp;");
        let xml = format!(
            "<policies><inbound><rewrite-uri template=\"{template}\" copy-unmatched-params=\"{copy}\"/></inbound></policies>"
        );
        let document = document(&xml);
        let mut exchange = Exchange::new(
            Method::GET,
            HeaderMap::new(),
            query,
            "127.0.0.1".parse().unwrap(),
            &PARAMETERS,
            &[],
        );
        let outcome = run(&[&document], Section::Inbound, &mut exchange, &mut Unlimited);
        match expected {
            Ok((path, query)) => {
                outcome.unwrap();
                assert_eq!(
                    (exchange.path.as_deref(), exchange.query.as_deref()),
                    (Some(path), Some(query)),
                    "{xml}"
                );
            }
            Err(text) => assert!(outcome.unwrap_err().message.contains(text), "{xml}"),
        }
    };
    check("/p/{id}", true, "", Ok(("/p/a%20b", "")));
    check("p/{id}?x={id}", true, "size=1&y=%41&y=2", Ok(("/p/a%20b", "x=a%20b&y=%41&y=2")));
    check("/p", false, "size=1&y=2", Ok(("/p", "")));
    check("/p/{odd}?o={odd}", true, "", Ok(("/p/x&y=z+%3F", "o=x%26y%3Dz%2B?")));
    check("/{*id}", true, "", Ok(("/a%20b", "")));
    check("/{nobody}", true, "", Err("'nobody'"));
}

#[test]
fn sections_without_a_document_forward() {
    let outer = document("<policies><backend><forward-request timeout='5'/></backend></policies>");
    let silent = document("<policies><backend/></policies>");
    let after = document("<policies><backend><base/><set-method>PUT</set-method></backend></policies>");
    let check = |chain: &[&Document], expected: Result<Option<u64>, &str>| {
        let mut exchange =
            Exchange::new(Method::GET, HeaderMap::new(), "", "127.0.0.1".parse().unwrap(), &PARAMETERS, &[]);
        let outcome = run(chain, Section::Backend, &mut exchange, &mut Unlimited);
        let seconds = exchange.forward.map(|forward| forward.timeout.as_secs());
        assert_eq!(outcome.map(|_| seconds).map_err(|failure| failure.reason), expected);
    };
    check(&[], Ok(Some(300)));
    check(&[&outer], Ok(Some(5)));
    check(&[&silent, &outer], Ok(None));
    check(&[&after, &outer], Err("PolicyNotSupported"));
}

#[test]
fn limits_say_when_to_come_back() {
    let check = |policy: &str, status: u16, message: &str, header: &str| {
        let document = document(&format!("<policies><inbound>{policy}</inbound></policies>"));
        let mut exchange =
            Exchange::new(Method::GET, HeaderMap::new(), "", "127.0.0.1".parse().unwrap(), &PARAMETERS, &[]);
        let failure = run(&[&document], Section::Inbound, &mut exchange, &mut Unlimited).unwrap_err();
        assert_eq!((failure.status.as_u16(), failure.message.as_str()), (status, message));
        let (name, value) = &failure.headers[0];
        assert_eq!((name.as_str(), value.to_str().unwrap()), (header, "3725"));
    };
    check(
        "<rate-limit calls='1' renewal-period='9' retry-after-header-name='x-wait'/>",
        429,
        "Rate limit is exceeded. Try again in 3725 seconds.",
        "x-wait",
    );
    check(
        "<quota calls='1' renewal-period='9'/>",
        403,
        "Out of call volume quota. Quota will be replenished in 01:02:05.",
        "retry-after",
    );
}
