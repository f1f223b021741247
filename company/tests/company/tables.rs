//! What Python installs.

use testkit::postgres::Database;

use crate::scene::install;

/// The tables on which the conformance tests run as Python's.
const OURS: &str =
    include_str!("../../../crates/kerrera-postgres/tests/conformance/tables/python.sql");

#[test]
fn the_conformance_tests_run_on_what_python_installs() {
    let (theirs, ours) = (Database::empty(), Database::empty());
    install(&theirs.url(), "public");
    ours.psql(OURS);
    assert_eq!(everything(&theirs), everything(&ours));
}

/// The tables, columns, constraints, indexes, types and functions of a database, a line each.
fn everything(database: &Database) -> String {
    database.psql(
        "select 'relation', c.relkind::text, c.relpersistence::text, c.relname::text,
             obj_description(c.oid), pg_get_indexdef(c.oid), c.reloptions::text
         from pg_class c where c.relnamespace = 'public'::regnamespace
         union all
         select 'column', '', c.relname, a.attname, a.attnum::text,
             format_type(a.atttypid, a.atttypmod) || a.attidentity::text,
             a.attnotnull::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         from pg_attribute a join pg_class c on c.oid = a.attrelid
         left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
         union all
         select 'constraint', '', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
         from pg_constraint where connamespace = 'public'::regnamespace
         union all
         select 'label', '', t.typname, e.enumlabel, e.enumsortorder::text, '', ''
         from pg_enum e join pg_type t on t.oid = e.enumtypid
         union all
         select 'function', '', proname, pg_get_function_identity_arguments(oid), '', '', ''
         from pg_proc where pronamespace = 'public'::regnamespace
         order by 1, 2, 3, 4, 5, 6, 7",
    )
}
