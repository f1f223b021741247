//! Settings from a TOML file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kerrera_core::Result;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use super::queues::{self, Queue, Queues};
use super::setting::{self, SETTINGS};
use super::value::{Origin, Said, Wrong};

pub(super) fn read(text: &str, path: Option<&Path>) -> Result<Config> {
    let mut file = File { text, path: path.map(Arc::from), config: Config::default() };
    // toml's own message would show the line, which may hold a password.
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        file.origin(at).wrong(error.message())
    })?;
    file.table("", table.get_ref())?;
    Ok(file.config)
}

struct File<'t> {
    text: &'t str,
    path: Option<Arc<Path>>,
    config: Config,
}

type Entry<'v, 't> = &'v Spanned<DeValue<'t>>;

impl File<'_> {
    /// Reads what stands in a table, under names that begin like this.
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<()> {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let origin = self.origin(key.span().start);
            match value.get_ref() {
                _ if name == queues::NAME => self.config.queues = self.queues(value)?,
                DeValue::Table(table) if is_section(&name) => {
                    self.table(&format!("{name}."), table)?;
                }
                _ if is_section(&name) => {
                    let rule = format!("{name} is not a table: write [{name}] above its settings");
                    return Err(origin.wrong(rule));
                }
                _ => self.setting(&name, value, origin)?,
            }
        }
        Ok(())
    }

    fn setting(&mut self, name: &str, value: Entry<'_, '_>, origin: Origin) -> Result<()> {
        let setting = setting::named(name, &origin)?;
        let value = match value.get_ref() {
            DeValue::String(text) if setting.takes_text() => setting.read_text(text),
            DeValue::String(text) => Err(Wrong::new(text, setting.rule())),
            DeValue::Integer(number) => setting.read_number(&decimal(number)),
            DeValue::Boolean(truth) => setting.read_switch(*truth),
            DeValue::Float(number) => Err(Wrong::new(number.as_str(), setting.rule())),
            DeValue::Array(list) if setting.takes_names() => {
                let names: Option<Vec<&str>> =
                    list.iter().map(|name| name.get_ref().as_str()).collect();
                match names {
                    Some(names) => setting.read_names(names.into_iter()),
                    None => Err(Wrong::new("array", setting.rule())),
                }
            }
            other => Err(Wrong::new(other.type_str(), setting.rule())),
        };
        let value = value.map_err(|wrong| wrong.told(name, &origin))?;
        self.config.said.insert(setting.name, Said { value, origin });
        Ok(())
    }

    fn queues(&self, value: Entry<'_, '_>) -> Result<Queues> {
        match value.get_ref() {
            DeValue::Boolean(false) => Ok(Queues::None),
            DeValue::Table(table) => {
                let queue = |(name, value): (&Spanned<_>, _)| {
                    let name: &std::borrow::Cow<'_, str> = name.get_ref();
                    Ok((name.to_string(), self.queue(name, value)?))
                };
                table.iter().map(queue).collect::<Result<BTreeMap<_, _>>>().map(Queues::These)
            }
            _ => Err(queues::wrong_type(queues::NAME, &self.origin(value.span().start))),
        }
    }

    fn queue(&self, name: &str, value: Entry<'_, '_>) -> Result<Queue> {
        let origin = self.origin(value.span().start);
        let DeValue::Table(table) = value.get_ref() else {
            return Ok(Queue { limit: self.queue_limit(name, value)?, paused: false });
        };
        let (mut limit, mut paused) = (None, false);
        for (key, value) in table {
            let origin = self.origin(key.span().start);
            match (&**key.get_ref(), value.get_ref()) {
                ("limit", _) => limit = Some(self.queue_limit(name, value)?),
                ("paused", DeValue::Boolean(truth)) => paused = *truth,
                ("paused", _) => {
                    let rule = format!("queues.{name}.paused is not true or false");
                    return Err(origin.wrong(rule));
                }
                (key, _) => return Err(queues::unknown_key(name, key, &origin)),
            }
        }
        match limit {
            Some(limit) => Ok(Queue { limit, paused }),
            None => Err(queues::wrong_type(&format!("{}.{name}", queues::NAME), &origin)),
        }
    }

    fn queue_limit(&self, name: &str, value: Entry<'_, '_>) -> Result<u32> {
        let origin = self.origin(value.span().start);
        match value.get_ref() {
            DeValue::Integer(number) => queues::limit(name, &decimal(number), &origin),
            DeValue::Float(number) => queues::limit(name, number.as_str(), &origin),
            _ => Err(queues::wrong_type(&format!("{}.{name}", queues::NAME), &origin)),
        }
    }

    /// Where this byte of the text is.
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Origin::Line(self.path.clone(), line)
    }
}

/// Whether there are settings under this name.
fn is_section(name: &str) -> bool {
    let within =
        |setting: &str| setting.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    SETTINGS.iter().any(|setting| within(setting.name))
}

/// A whole number in decimal digits; one that is too large for any setting as it was written.
fn decimal(number: &toml::de::DeInteger<'_>) -> String {
    let digits = number.as_str();
    i64::from_str_radix(digits, number.radix())
        .map_or_else(|_| digits.to_owned(), |number| number.to_string())
}
