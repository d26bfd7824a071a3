//! The `rawxml` form of policies: expressions in it are written as in C#, without XML's escapes.
//!
//! An expression is `@(…)` or `@{…}` as the whole of an attribute value or of an element's text. Only
//! inside expressions do the two forms differ.

/// Escapes expressions, so that the document becomes XML.
pub(super) fn to_xml(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = next_expression(rest) {
        out.push_str(&rest[..start]);
        let Some(length) = expression_length(&rest[start..]) else {
            // Not balanced: left as it is, for the document check to complain about.
            out.push_str(&rest[start..]);
            return out;
        };
        escape(&rest[start..start + length], &mut out);
        rest = &rest[start + length..];
    }
    out.push_str(rest);
    out
}

/// Unescapes expressions.
pub(super) fn from_xml(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some(start) = next_expression(rest) {
        let end = match rest[..start].trim_end().chars().next_back() {
            Some(quote @ ('"' | '\'')) => rest[start..].find(quote),
            _ => rest[start..].find('<'),
        };
        let end = end.map_or(rest.len(), |end| start + end);
        out.push_str(&rest[..start]);
        out.push_str(&unescape(&rest[start..end]));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where the next expression begins: an `@(` or `@{` right after `="`, `='` or a tag.
fn next_expression(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('@')?;
        let opens = matches!(text.as_bytes().get(at + 1), Some(b'(' | b'{'));
        let before = text[..at].trim_end();
        let attribute = before.len() == at
            && (before.ends_with('"') || before.ends_with('\''))
            && before[..before.len() - 1].trim_end().ends_with('=');
        if opens && (attribute || before.ends_with('>')) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// How long the expression at the start of `text` is; none when its brackets do not close.
fn expression_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + character.len_utf8());
                }
            }
            '@' if matches!(characters.peek(), Some((_, '"'))) => {
                characters.next();
                skip_verbatim(&mut characters)?;
            }
            '"' | '\'' => skip_quoted(&mut characters, character)?,
            '/' => match characters.peek() {
                Some((_, '/')) => while characters.next_if(|(_, next)| *next != '\n').is_some() {},
                Some((_, '*')) => {
                    characters.next();
                    let mut star = false;
                    loop {
                        match characters.next()?.1 {
                            '/' if star => break,
                            other => star = other == '*',
                        }
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    None
}

type Characters<'a> = std::iter::Peekable<std::iter::Skip<std::str::CharIndices<'a>>>;

fn skip_quoted(characters: &mut Characters<'_>, quote: char) -> Option<()> {
    loop {
        match characters.next()?.1 {
            '\\' => {
                characters.next()?;
            }
            other if other == quote => return Some(()),
            _ => {}
        }
    }
}

/// `@"…"`: two quotes stand for one.
fn skip_verbatim(characters: &mut Characters<'_>) -> Option<()> {
    loop {
        if characters.next()?.1 == '"' && characters.next_if(|(_, next)| *next == '"').is_none() {
            return Some(());
        }
    }
}

const ENTITIES: [(&str, char); 5] =
    [("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\''), ("&amp;", '&')];

fn escape(expression: &str, out: &mut String) {
    for (at, character) in expression.char_indices() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Documents that were escaped although they say `rawxml` are common; they stay as they are.
            '&' if !ENTITIES.iter().any(|(entity, _)| expression[at..].starts_with(entity)) => {
                out.push_str("&amp;");
            }
            other => out.push(other),
        }
    }
}

fn unescape(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
        let (length, character) = found.map_or((1, '&'), |(entity, character)| (entity.len(), *character));
        out.push(character);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn expressions_are_escaped_and_the_rest_is_not() {
        let raw = concat!(
            r#"<policies><inbound><set-header name="x"><value>@(a < 1 && b["k"] == ")")</value></set-header>"#,
            r#"<choose><when condition="@(context.Request.Headers["a"] == @"b""c" /* ) */)">"#,
            r#"<set-body>@{ return "a<b"; }</set-body></when></choose><x y="a@(b" /></inbound></policies>"#
        );
        let xml = to_xml(raw);
        insta::assert_snapshot!(xml, @r#"<policies><inbound><set-header name="x"><value>@(a &lt; 1 &amp;&amp; b[&quot;k&quot;] == &quot;)&quot;)</value></set-header><choose><when condition="@(context.Request.Headers[&quot;a&quot;] == @&quot;b&quot;&quot;c&quot; /* ) */)"><set-body>@{ return &quot;a&lt;b&quot;; }</set-body></when></choose><x y="a@(b" /></inbound></policies>"#);
        assert_eq!(from_xml(&xml), raw);
        assert_eq!(to_xml(&xml), xml);
    }

    #[test]
    fn what_does_not_close_is_left() {
        for text in ["<a>@(b</a>", "<a b=\"@(", "<a>@(\"</a>", "@", "<a>@)</a>"] {
            assert_eq!(to_xml(text), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[<>a@(){}\"'&;=/*\\\\ é]{0,60}") {
            to_xml(&text);
            from_xml(&text);
        }

        #[test]
        fn plain_xml_is_unchanged(text in "[<>ab(){}\"'&;= ]{0,60}") {
            prop_assert_eq!(to_xml(&text), text.clone());
            prop_assert_eq!(from_xml(&text), text);
        }
    }
}
