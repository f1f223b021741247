//! What a type must be to carry a job's args.

use syn::{Attribute, Data, DeriveInput, Fields, GenericParam, Variant};

use crate::mistakes::Mistakes;
use crate::options;

/// Checks that it is one type, of a kind that can be written as JSON.
pub(crate) fn check_type(input: &DeriveInput) -> syn::Result<()> {
    if let Data::Union(data) = &input.data {
        let message = "a worker is a struct or an enum: a union cannot be written as JSON";
        return Err(syn::Error::new(data.union_token.span, message));
    }
    let params = &input.generics.params;
    if params.is_empty() {
        return Ok(());
    }
    let message = if params.iter().all(|param| matches!(param, GenericParam::Lifetime(_))) {
        "a worker cannot borrow: its args come out of the database, long after it was inserted; use \
         types that own what they hold, such as `String` for `&str`"
    } else {
        "a worker cannot be generic: its name is stored with its jobs, and must belong to one type"
    };
    Err(syn::Error::new_spanned(&input.generics, message))
}

/// Checks what can be seen of its fields.
pub(crate) fn check_fields(input: &DeriveInput, mistakes: &mut Mistakes) {
    let written_plainly = !input.attrs.iter().any(is_serde);
    match &input.data {
        Data::Struct(data) => {
            check_attributes(&data.fields, mistakes);
            if written_plainly {
                mistakes.check(check_struct(&data.fields));
            }
        }
        Data::Enum(data) => {
            for variant in &data.variants {
                mistakes.check(check_attribute(&variant.attrs, "a variant"));
                check_attributes(&variant.fields, mistakes);
                if written_plainly {
                    mistakes.check(check_variant(variant));
                }
            }
        }
        Data::Union(_) => {}
    }
}

/// A tuple is written as an array, which the insertion of the job would refuse.
fn check_struct(fields: &Fields) -> syn::Result<()> {
    let Fields::Unnamed(unnamed) = fields else { return Ok(()) };
    let or = if unnamed.unnamed.len() == 1 {
        " (or, around another struct, `#[serde(transparent)]`)"
    } else {
        ""
    };
    let message = format!("the args of a job are a JSON object, so the fields need names{or}");
    Err(syn::Error::new_spanned(unnamed, message))
}

/// A variant without fields is written as text, which the insertion of the job would refuse.
fn check_variant(variant: &Variant) -> syn::Result<()> {
    if !matches!(variant.fields, Fields::Unit) {
        return Ok(());
    }
    let message = "the args of a job are a JSON object, and this would be text: add \
                   `#[serde(tag = \"kind\")]` to the enum";
    Err(syn::Error::new_spanned(variant, message))
}

/// With an attribute of serde's, the declaration alone does not tell how a value is written.
fn is_serde(attribute: &Attribute) -> bool {
    attribute.path().is_ident("serde")
}

fn check_attributes(fields: &Fields, mistakes: &mut Mistakes) {
    for field in fields {
        mistakes.check(check_attribute(&field.attrs, "a field"));
    }
}

fn check_attribute(attributes: &[Attribute], place: &str) -> syn::Result<()> {
    let Some(attribute) = attributes.iter().find(|attribute| options::is_worker(attribute)) else {
        return Ok(());
    };
    let message = format!("`#[worker(…)]` goes above the type, not above {place} of it");
    Err(syn::Error::new_spanned(attribute, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(input: &str) -> Vec<String> {
        let input = syn::parse_str(input).unwrap();
        let mut mistakes = Mistakes::default();
        mistakes.check(check_type(&input));
        check_fields(&input, &mut mistakes);
        mistakes.messages()
    }

    #[test]
    fn structs_and_enums_with_named_fields_are_args() {
        for input in [
            "struct Import;",
            "struct Import {}",
            "struct Import { file: String }",
            "enum Import { File { path: String }, Table(String), Tables(u8, u8) }",
            "struct Import where String: Clone { file: String }",
        ] {
            assert_eq!(messages(input), [""; 0], "{input}");
        }
    }

    #[test]
    fn what_has_no_single_type_or_no_json_is_refused() {
        for input in
            ["struct A<T> { a: T }", "struct A<const N: u8>;", "struct A<'a, T> { a: &'a T }"]
        {
            assert!(messages(input)[0].starts_with("a worker cannot be generic"), "{input}");
        }
        assert!(messages("enum A<'a> { B(&'a str) }")[0].starts_with("a worker cannot borrow"));
        assert!(messages("union A { a: u8 }")[0].contains("union"));
    }

    #[test]
    fn what_is_written_as_array_or_text_is_refused() {
        for input in ["struct A();", "struct A(u8);", "struct A(u8, u8);"] {
            assert!(messages(input)[0].contains("the fields need names"), "{input}");
        }
        assert!(messages("struct A(B);")[0].contains("#[serde(transparent)]"));
        assert!(messages("enum A { B {}, C }")[0].contains("#[serde(tag = \"kind\")]"));
    }

    #[test]
    fn serde_may_be_told_to_write_it_otherwise() {
        for input in [
            "#[serde(transparent)] struct A(B);",
            "#[serde(into = \"B\")] struct A(u8, u8);",
            "#[serde(tag = \"kind\")] enum A { B {}, C }",
        ] {
            assert_eq!(messages(input), [""; 0], "{input}");
        }
    }

    #[test]
    fn options_below_the_type_are_refused() {
        let field = "struct A { #[worker(queue = \"a\")] b: u8 }";
        assert_eq!(
            messages(field),
            ["`#[worker(…)]` goes above the type, not above a field of it"]
        );
        let variant = "enum A { #[worker] B { #[worker] c: u8 } }";
        assert_eq!(messages(variant).len(), 2);
    }
}
