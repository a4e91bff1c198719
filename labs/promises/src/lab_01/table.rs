//! The table by the contract.

use crate::contract::prelude::*;

/// The table is the contract's, whatever the subject does with it at its start.
pub(super) async fn as_agreed(bed: &Bed) -> Verdict {
    const AGREED: [(&str, &str, &str); 3] =
        [("id", "uuid", "NO"), ("content", "text", "NO"), ("created_at", "timestamp with time zone", "NO")];
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
         WHERE table_name = 'post' ORDER BY ordinal_position",
    )
    .fetch_all(bed.database().pool())
    .await?;
    let key: Vec<String> = sqlx::query_scalar(
        "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = 'post'::regclass AND i.indisprimary",
    )
    .fetch_all(bed.database().pool())
    .await?;
    let told = |(name, kind, null): &(String, String, String)| {
        format!("{name} {kind}{}", if null == "NO" { " not null" } else { "" })
    };
    let has = |agreed: &(&str, &str, &str)| {
        columns.iter().any(|(name, kind, null)| (name.as_str(), kind.as_str(), null.as_str()) == *agreed)
    };
    promise("the table is post(id uuid primary key, content text not null, created_at timestamptz not null)")
        .observed(Fact::named("columns", columns.iter().map(told).collect::<Vec<_>>().join(", ")))
        .observed(Fact::named("primary key", key.join(", ")))
        .likely(
            true,
            "the schema is another one, or a start alters what it finds",
            "create what is missing, and leave alone what is there",
        )
        .kept_if(AGREED.iter().all(has) && key == ["id"])
}
