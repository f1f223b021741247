//! Jobs whose time has come.

use std::sync::Arc;

use kerrera_core::Result;
use kerrera_core::storage::Staged;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::statements::Call;

/// Makes due jobs available, and says which queues have work.
pub(crate) async fn stage(
    session: &mut Session,
    Call { sql, now, input: (limit, watched) }: &Call<(u32, Vec<Arc<str>>)>,
) -> Result<Staged> {
    let limit = i64::from(*limit);
    let watched: Vec<&str> = watched.iter().map(|queue| &**queue).collect();
    let parameters: [Parameter<'_>; 3] =
        [(now, Type::TIMESTAMP), (&limit, Type::INT8), (&watched, Type::TEXT_ARRAY)];
    let rows = session.query("the staging", &sql.stage, &parameters).await?;
    let row = rows.first();
    let count: i64 = row.and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let ready: Vec<String> = row.and_then(|row| row.try_get(1).ok()).unwrap_or_default();
    let revision: i64 = row.and_then(|row| row.try_get(2).ok()).unwrap_or_default();
    Ok(Staged { revision, count: count.unsigned_abs(), ready })
}
