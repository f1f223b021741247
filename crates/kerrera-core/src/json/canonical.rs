//! One text for every JSON value, however it was written.
//!
//! Objects are sorted by their keys' bytes, and of a key that is there twice the last counts; strings
//! are escaped as serde_json does it; lists stay as they are; numbers are exact and without exponent
//! or point where they can be: `1`, `1.0` and `10e-1` are all `1`, and `0.25` is `25e-2`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Writes the canonical text of valid JSON.
pub(crate) fn write(out: &mut String, json: &str) -> Result<(), serde_json::Error> {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => {
            let object: BTreeMap<String, &RawValue> = serde_json::from_str(json)?;
            write_object(out, &object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json)?;
            out.push('[');
            for (at, item) in items.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item.get())?;
            }
            out.push(']');
            Ok(())
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(json)?;
            write_text(out, &text)
        }
        Some(b'-' | b'0'..=b'9') => {
            out.push_str(&number(json.trim()));
            Ok(())
        }
        _ => {
            out.push_str(json.trim());
            Ok(())
        }
    }
}

/// Writes an object whose values are not yet canonical.
pub(crate) fn write_object(
    out: &mut String,
    object: &BTreeMap<String, &RawValue>,
) -> Result<(), serde_json::Error> {
    out.push('{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, key)?;
        out.push(':');
        write(out, value.get())?;
    }
    out.push('}');
    Ok(())
}

pub(crate) fn write_text(out: &mut String, text: &str) -> Result<(), serde_json::Error> {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

/// The canonical text of a JSON number; never through a float, which would take large numbers for
/// their neighbours.
fn number(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let exponent = exponent.parse::<i64>().ok().and_then(|exponent| {
        exponent.checked_add(zeros as i64)?.checked_sub(fraction.len() as i64)
    });
    match exponent {
        // An exponent that does not fit a word: nobody means such a number.
        None => text.to_ascii_lowercase(),
        Some(zeros @ 0..=40) => format!("{sign}{significant}{}", "0".repeat(zeros as usize)),
        Some(exponent) => format!("{sign}{significant}e{exponent}"),
    }
}
