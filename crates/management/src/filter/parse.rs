//! The parser of `$filter`: a tokenizer and a recursive descent with a bounded depth.

use super::{Filter, Function, Literal, Operator};

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("$filter is not valid at character {at}: {problem}")]
pub(crate) struct InvalidFilter {
    /// Which character, from 1.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) problem: String,
}

/// How deeply expressions may be nested: a request must not exhaust the stack.
const DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Open,
    Close,
    Comma,
}

/// Reads a filter.
pub(crate) fn parse(text: &str) -> Result<Filter, InvalidFilter> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, end: text.chars().count() + 1 };
    let filter = parser.or(0)?;
    match parser.tokens.first() {
        None => Ok(filter),
        Some((at, _)) => {
            Err(InvalidFilter { at: *at, problem: "'and', 'or' or the end is expected".to_owned() })
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, InvalidFilter> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let start = at;
        at += 1;
        let token = match character {
            ' ' | '\t' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let mut value = String::new();
                loop {
                    match (characters.get(at), characters.get(at + 1)) {
                        (Some('\''), Some('\'')) => {
                            value.push('\'');
                            at += 2;
                        }
                        (Some('\''), _) => break,
                        (Some(other), _) => {
                            value.push(*other);
                            at += 1;
                        }
                        (None, _) => {
                            let problem = "the text that begins here has no closing quote".to_owned();
                            return Err(InvalidFilter { at: start + 1, problem });
                        }
                    }
                }
                at += 1;
                Token::Text(value)
            }
            _ => {
                while characters.get(at).is_some_and(|next| !" \t(),'".contains(*next)) {
                    at += 1;
                }
                let word: String = characters[start..at].iter().collect();
                match word.parse::<f64>() {
                    Ok(number) if number.is_finite() && !word.starts_with(char::is_alphabetic) => {
                        Token::Number(number)
                    }
                    _ => Token::Word(word),
                }
            }
        };
        tokens.push((start + 1, token));
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    end: usize,
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        let first = self.and(depth)?;
        let mut all = vec![first];
        while self.keyword("or") {
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Filter::Or(all) })
    }

    fn and(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        let first = self.not(depth)?;
        let mut all = vec![first];
        while self.keyword("and") {
            all.push(self.not(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Filter::And(all) })
    }

    fn not(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        if depth > DEPTH {
            return Err(self.problem(&format!("it is nested more than {DEPTH} deep")));
        }
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.or(depth + 1)?;
            self.expect(&Token::Close, "')' is expected")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter, InvalidFilter> {
        let name = self.word("the name of a property is expected")?;
        if self.take(&Token::Open) {
            let filter = self.function(&name)?;
            // OData allows `contains(name,'x') eq true`.
            if self.keyword("eq") {
                let negate = match self.literal()? {
                    Literal::Boolean(wanted) => !wanted,
                    _ => return Err(self.problem("true or false is expected after a function")),
                };
                return Ok(if negate { Filter::Not(Box::new(filter)) } else { filter });
            }
            return Ok(filter);
        }
        let operators = [
            ("eq", Operator::Eq),
            ("ne", Operator::Ne),
            ("gt", Operator::Gt),
            ("ge", Operator::Ge),
            ("lt", Operator::Lt),
            ("le", Operator::Le),
        ];
        for (word, operator) in operators {
            if self.keyword(word) {
                return Ok(Filter::Compare(name, operator, self.literal()?));
            }
        }
        match self.tokens.first() {
            None | Some((_, Token::Close)) => Ok(Filter::Is(name)),
            Some((_, Token::Word(word)))
                if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") =>
            {
                Ok(Filter::Is(name))
            }
            _ => Err(self.problem("one of eq, ne, gt, ge, lt, le is expected")),
        }
    }

    fn function(&mut self, name: &str) -> Result<Filter, InvalidFilter> {
        let (function, text_first) = match name.to_ascii_lowercase().as_str() {
            "contains" => (Function::Contains, false),
            "substringof" => (Function::Contains, true),
            "startswith" => (Function::StartsWith, false),
            "endswith" => (Function::EndsWith, false),
            _ => {
                let known = "contains, startswith, endswith and substringof";
                return Err(self.problem(&format!("there is no function '{name}'; there are {known}")));
            }
        };
        let (property, text);
        if text_first {
            text = self.text()?;
            self.expect(&Token::Comma, "',' is expected")?;
            property = self.word("the name of a property is expected")?;
        } else {
            property = self.word("the name of a property is expected")?;
            self.expect(&Token::Comma, "',' is expected")?;
            text = self.text()?;
        }
        self.expect(&Token::Close, "')' is expected")?;
        Ok(Filter::Text(function, property, text))
    }

    fn literal(&mut self) -> Result<Literal, InvalidFilter> {
        let literal = match self.tokens.first() {
            Some((_, Token::Text(text))) => Literal::Text(text.clone()),
            Some((_, Token::Number(number))) => Literal::Number(*number),
            Some((_, Token::Word(word))) => match word.to_ascii_lowercase().as_str() {
                "true" => Literal::Boolean(true),
                "false" => Literal::Boolean(false),
                "null" => Literal::Null,
                // Times come without quotes.
                _ if word.parse::<jiff::Timestamp>().is_ok() => Literal::Text(word.clone()),
                _ => {
                    return Err(
                        self.problem("a text in single quotes, a number, true, false or null is expected")
                    );
                }
            },
            _ => {
                return Err(
                    self.problem("a text in single quotes, a number, true, false or null is expected")
                );
            }
        };
        self.tokens = &self.tokens[1..];
        Ok(literal)
    }

    fn text(&mut self) -> Result<String, InvalidFilter> {
        match self.tokens.first() {
            Some((_, Token::Text(text))) => {
                self.tokens = &self.tokens[1..];
                Ok(text.clone())
            }
            _ => Err(self.problem("a text in single quotes is expected")),
        }
    }

    fn word(&mut self, problem: &str) -> Result<String, InvalidFilter> {
        match self.tokens.first() {
            Some((_, Token::Word(word))) => {
                self.tokens = &self.tokens[1..];
                Ok(word.clone())
            }
            _ => Err(self.problem(problem)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.tokens.first(), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(keyword));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.tokens.first().is_some_and(|(_, first)| first == token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn expect(&mut self, token: &Token, problem: &str) -> Result<(), InvalidFilter> {
        if self.take(token) { Ok(()) } else { Err(self.problem(problem)) }
    }

    fn problem(&self, problem: &str) -> InvalidFilter {
        let at = self.tokens.first().map_or(self.end, |(at, _)| *at);
        InvalidFilter { at, problem: problem.to_owned() }
    }
}
