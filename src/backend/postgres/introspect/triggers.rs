//! Triggers and rewrite rules.

/// A trigger or rule that does not fire as usual says so in a second statement.
macro_rules! enabled {
    ($state:literal, $what:literal, $relation:literal, $name:literal) => {
        concat!(
            "CASE WHEN ",
            $state,
            " = 'O' THEN '' ELSE E'\\nALTER TABLE ' || ",
            $relation,
            "::regclass::text || CASE ",
            $state,
            " WHEN 'D' THEN ' DISABLE' WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE ALWAYS' END || ' ",
            $what,
            " ' || quote_ident(",
            $name,
            ") || ';' END"
        )
    };
}

/// Without those which a partitioned table gives to its partitions.
pub(super) const TRIGGERS: &str = concat!(
    "SELECT 'trigger', t.tableoid::int8, t.oid::int8, 0::int8, t.tgrelid::int8,
       t.tgrelid::regclass::text || '.' || quote_ident(t.tgname), pg_get_triggerdef(t.oid) || ';' || ",
    enabled!("t.tgenabled", "TRIGGER", "t.tgrelid", "t.tgname"),
    "
FROM pg_trigger t
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ",
    own_object!("t")
);

/// Without those that make a view a view.
pub(super) const RULES: &str = concat!(
    "SELECT 'rule', w.tableoid::int8, w.oid::int8, 0::int8, w.ev_class::int8,
       w.ev_class::regclass::text || '.' || quote_ident(w.rulename),
       rtrim(pg_get_ruledef(w.oid), E' \\t\\r\\n;') || ';' || ",
    enabled!("w.ev_enabled", "RULE", "w.ev_class", "w.rulename"),
    "
FROM pg_rewrite w
WHERE w.rulename <> '_RETURN' AND ",
    own_object!("w")
);
