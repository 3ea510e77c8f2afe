//! Policies of row-level security.

/// `PUBLIC` is role 0.
pub(super) const POLICIES: &str = concat!(
    "SELECT 'policy', o.tableoid::int8, o.oid::int8, 0::int8, o.polrelid::int8,
       o.polrelid::regclass::text || '.' || quote_ident(o.polname),
       'CREATE POLICY ' || quote_ident(o.polname) || ' ON ' || o.polrelid::regclass::text
       || CASE WHEN o.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END
       || CASE o.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE'
            WHEN 'd' THEN ' FOR DELETE' ELSE '' END
       || CASE WHEN o.polroles = '{0}' THEN '' ELSE ' TO ' || (SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname)
            FROM pg_roles r WHERE r.oid = ANY (o.polroles)) END
       || coalesce(' USING (' || pg_get_expr(o.polqual, o.polrelid) || ')', '')
       || coalesce(' WITH CHECK (' || pg_get_expr(o.polwithcheck, o.polrelid) || ')', '') || ';'
FROM pg_policy o
WHERE ",
    own_object!("o")
);
