//! The OpenAPI document: what there is, what it takes, what it gives back, and who may.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::PREFIX;
use super::schema::ProblemCode;
use crate::access::{Entry, Permission};
use crate::dashboard::App;
use crate::refusal::{Format, Problem, Refusal};

const DESCRIPTION: &str = "\
What the dashboard shows and does, for programs.

Nothing is open: on a server of its own, send `Authorization: Bearer …` with a token that `kerrera web tokens` \
made; where an application mounts the dashboard, its own login decides. What each operation needs is its \
`x-permission`. What somebody may not see does not exist for them: it is in no list, in no count, and \
asking for it by name is answered by 404.

Errors are `application/problem+json` (RFC 9457); go by their `code`. Numbers of jobs are strings. Times are \
in UTC to the microsecond. Answers carry an `ETag`: send it back as `If-None-Match` to hear only of changes.";

/// The document, as it is being put together.
#[derive(Default)]
pub(crate) struct Document {
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Document {
    /// Adds an endpoint. What holds for all of them is added here: the instance, the permission, and
    /// the problems.
    pub(crate) fn add(
        &mut self,
        method: &Method,
        path: &str,
        needs: Permission,
        mut operation: Operation,
        schemas: &[(String, RefOr<Schema>)],
    ) {
        let instance = ParameterBuilder::new()
            .name("instance")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("Which database."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        operation.parameters.get_or_insert_default().insert(0, instance.into());
        operation.extensions =
            Some(ExtensionsBuilder::new().add("x-permission", needs.as_str()).build());
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let problem = ResponseBuilder::new()
            .description("It was not done, and why.")
            .content("application/problem+json", problem)
            .build();
        operation.responses.responses.insert("default".to_owned(), problem.into());

        let item = self.paths.paths.entry(format!("{PREFIX}{path}")).or_default();
        if let Some(slot) = slot(item, method) {
            *slot = Some(operation);
        }
        self.schemas.extend_from_slice(schemas);
    }

    /// It as JSON; `servers` depends on who asks.
    pub(crate) fn finish(self) -> Value {
        let mut components = ComponentsBuilder::new();
        for (name, schema) in self.schemas {
            components = components.schema(name, schema);
        }
        components = components.schema(ProblemCode::name(), ProblemCode::schema());
        components = components.schema(Problem::name(), Problem::schema());
        let info = InfoBuilder::new()
            .title("Kerrera")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(DESCRIPTION));
        let document = OpenApiBuilder::new()
            .info(info.build())
            .paths(self.paths)
            .components(Some(components.build()))
            .build();
        // What is made of types that are written can be written.
        serde_json::to_value(document).unwrap_or_default()
    }
}

/// The place of a method's operation among those of a path.
fn slot<'i>(item: &'i mut PathItem, method: &Method) -> Option<&'i mut Option<Operation>> {
    match *method {
        Method::GET => Some(&mut item.get),
        Method::POST => Some(&mut item.post),
        Method::PATCH => Some(&mut item.patch),
        Method::DELETE => Some(&mut item.delete),
        _ => None,
    }
}

/// Takes the operations of a path apart, by method.
pub(crate) fn operations(mut item: PathItem) -> Vec<(Method, Operation)> {
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
    let taken = methods.into_iter().filter_map(|method| {
        let operation = slot(&mut item, &method)?.take()?;
        Some((method, operation))
    });
    taken.collect()
}

/// Serves the document to whoever may see any of the instances.
pub(crate) async fn serve(
    State(app): State<App>,
    axum::Extension(document): axum::Extension<Arc<Value>>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let refusal = match app.enters_any(&parts).await {
        Ok((Entry::Viewer(_), _)) => {
            let base = match app.base_of(&parts) {
                base if base.is_empty() => "/".to_owned(),
                base => base,
            };
            let mut document = (*document).clone();
            document["servers"] = json!([{ "url": base }]);
            let kind = HeaderValue::from_static("application/json");
            return ([(CONTENT_TYPE, kind)], document.to_string()).into_response();
        }
        Ok((Entry::Forbidden, _)) => Refusal::Forbidden,
        Ok(_) => Refusal::Unknown,
        Err(_) => Refusal::NobodyKnown,
    };
    refusal.bare(&app, &parts, Format::Json)
}
