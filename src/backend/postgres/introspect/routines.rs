//! Functions (window functions included) and procedures.

/// Their bodies are texts: what is named in them need not be there when they are loaded, as long as
/// `check_function_bodies` is off. Without the constructors that a range type brings along.
pub(super) const ROUTINES: &str = concat!(
    "SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, p.tableoid::int8, p.oid::int8, 0::int8, 0::int8,
       quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       rtrim(pg_get_functiondef(p.oid), E' \\t\\r\\n') || ';'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p', 'w') AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = p.tableoid AND d.objid = p.oid AND d.deptype = 'i') AND ",
    user_schema!("n"),
    " AND ",
    own_object!("p")
);
