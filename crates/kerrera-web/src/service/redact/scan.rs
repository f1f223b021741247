//! Reads JSON as text, from left to right, and writes it again without what is private.
//!
//! Whatever is not private is copied byte for byte: numbers keep all their digits, and keys their order.
//! The text may end anywhere, as the beginning of args in a list does; then what has been read of
//! something private is left out as well.

/// What stands where something private was.
pub const HIDDEN: &str = "[hidden]";

/// Deeper than this nothing is read, and all of it is hidden.
const DEEPEST: usize = 200;

/// JSON without what is private.
pub(crate) struct Redacted {
    /// The text.
    pub(crate) text: String,
    /// The texts and numbers that were taken out.
    pub(crate) hidden: Vec<String>,
}

/// Writes JSON again without what `hides` says is private.
pub(crate) fn redact(json: &str, hides: &dyn Fn(&[&str]) -> bool) -> Redacted {
    let mut scan =
        Scan { json, at: 0, out: String::with_capacity(json.len()), hidden: Vec::new(), hides };
    let mut way = Vec::new();
    // It ends early where the text does; what was written until then stands.
    let _ = scan.value(&mut way, 0);
    Redacted { text: scan.out, hidden: scan.hidden }
}

/// How many bytes the first token has, blanks and signs one by one.
pub(super) fn token(json: &str) -> usize {
    let mut scan = Scan { json, at: 0, out: String::new(), hidden: Vec::new(), hides: &|_| false };
    match scan.peek() {
        Some(b'"') => {
            let (Ok(text) | Err(text)) = scan.text();
            text.len()
        }
        _ => {
            let length = scan.word().len();
            json.chars().next().map_or(0, |first| length.max(first.len_utf8()))
        }
    }
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
    out: String,
    hidden: Vec<String>,
    hides: &'a dyn Fn(&[&str]) -> bool,
}

/// The text is at its end, or is no JSON.
struct End;

impl<'a> Scan<'a> {
    fn value(&mut self, way: &mut Vec<String>, depth: usize) -> Result<(), End> {
        self.copy_blanks();
        if depth > DEEPEST {
            let _ = self.skip(depth);
            self.out.push_str("\"[hidden]\"");
            return Err(End);
        }
        match self.peek().ok_or(End)? {
            b'{' => self.object(way, depth),
            b'[' => self.list(way, depth),
            b'"' => {
                let token = self.text();
                self.out.push_str(token.as_ref().map_or_else(|cut| *cut, |token| *token));
                token.map(drop).map_err(|_| End)
            }
            _ => {
                let token = self.word();
                self.out.push_str(token);
                if token.is_empty() { Err(End) } else { Ok(()) }
            }
        }
    }

    fn object(&mut self, way: &mut Vec<String>, depth: usize) -> Result<(), End> {
        self.copy(1);
        loop {
            self.copy_blanks();
            match self.peek().ok_or(End)? {
                b'}' => {
                    self.copy(1);
                    return Ok(());
                }
                b',' => self.copy(1),
                b'"' => {
                    // A key that is cut off is not shown: nobody knows what it would have been.
                    let token = self.text().map_err(|_| End)?;
                    self.out.push_str(token);
                    self.copy_blanks();
                    if self.peek().ok_or(End)? != b':' {
                        return Err(End);
                    }
                    self.copy(1);
                    self.copy_blanks();
                    way.push(serde_json::from_str(token).map_err(|_| End)?);
                    let names: Vec<&str> = way.iter().map(String::as_str).collect();
                    let ended = if (self.hides)(&names) {
                        let ended = self.skip(depth + 1);
                        self.out.push_str("\"[hidden]\"");
                        ended
                    } else {
                        self.value(way, depth + 1)
                    };
                    way.pop();
                    ended?;
                }
                _ => return Err(End),
            }
        }
    }

    fn list(&mut self, way: &mut Vec<String>, depth: usize) -> Result<(), End> {
        self.copy(1);
        loop {
            self.copy_blanks();
            match self.peek().ok_or(End)? {
                b']' => {
                    self.copy(1);
                    return Ok(());
                }
                b',' => self.copy(1),
                _ => self.value(way, depth + 1)?,
            }
        }
    }

    /// Goes past a value, and keeps what stands in it as hidden.
    fn skip(&mut self, depth: usize) -> Result<(), End> {
        self.pass_blanks();
        if depth > DEEPEST {
            self.at = self.json.len();
            return Err(End);
        }
        match self.peek().ok_or(End)? {
            b'"' => {
                let (token, ended) = match self.text() {
                    Ok(token) => (token, Ok(())),
                    Err(cut) => (cut, Err(End)),
                };
                let text = serde_json::from_str(token).ok();
                self.hidden.push(text.unwrap_or_else(|| token.trim_matches('"').to_owned()));
                // As it stands within other JSON, too.
                self.hidden.push(token.trim_matches('"').to_owned());
                ended
            }
            opening @ (b'{' | b'[') => {
                let closing = if opening == b'{' { b'}' } else { b']' };
                self.at += 1;
                loop {
                    self.pass_blanks();
                    match self.peek().ok_or(End)? {
                        byte if byte == closing => {
                            self.at += 1;
                            return Ok(());
                        }
                        b',' | b':' => self.at += 1,
                        _ => self.skip(depth + 1)?,
                    }
                }
            }
            _ => {
                let token = self.word().to_owned();
                if token.is_empty() {
                    return Err(End);
                }
                self.hidden.push(token);
                Ok(())
            }
        }
    }

    /// A text with its quotes; what there is of it if it is cut off.
    fn text(&mut self) -> Result<&'a str, &'a str> {
        let json: &'a str = self.json;
        let start = self.at;
        let bytes = json.as_bytes();
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Ok(&json[start..self.at]);
                }
                _ => self.at += 1,
            }
        }
        self.at = json.len();
        Err(&json[start..])
    }

    /// A number, or true, false or null.
    fn word(&mut self) -> &'a str {
        let json: &'a str = self.json;
        let rest = &json[self.at..];
        let end = rest.find([',', ']', '}', ':', '"', '[', '{', ' ', '\n', '\r', '\t']);
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn copy(&mut self, bytes: usize) {
        self.out.push_str(&self.json[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn blanks(&self) -> usize {
        let rest = &self.json.as_bytes()[self.at..];
        rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    fn copy_blanks(&mut self) {
        self.copy(self.blanks());
    }

    fn pass_blanks(&mut self) {
        self.at += self.blanks();
    }
}
