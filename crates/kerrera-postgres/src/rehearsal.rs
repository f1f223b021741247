//! What only tests ask of a storage.

use std::sync::Arc;

use kerrera_core::Result;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::rows::Stamp;
use crate::statements::Call;

/// Makes the jobs of a queue available before their time.
pub(crate) async fn bring_forward(
    session: &mut Session,
    Call { sql, input: (queue, until), .. }: &Call<(Arc<str>, Option<Stamp>)>,
) -> Result<u64> {
    let queue = &**queue;
    let parameters: [Parameter<'_>; 2] = [(&queue, Type::TEXT), (until, Type::TIMESTAMP)];
    let rows = session.query("bringing jobs forward", &sql.bring_forward, &parameters).await?;
    let count: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    Ok(count.unsigned_abs())
}
