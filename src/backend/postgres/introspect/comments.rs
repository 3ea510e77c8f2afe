//! Comments.

/// The server names any object itself. Whether the object is one of ours is decided afterwards.
/// The comment that every `public` has is left out.
pub(super) const COMMENTS: &str =
    "SELECT 'comment', m.classoid::int8, m.objoid::int8, 0::int8, 0::int8, w.word || ' ' || w.identity,
       'COMMENT ON ' || upper(w.word) || ' ' || w.identity || ' IS ' || quote_literal(m.description) || ';'
FROM pg_description m
  CROSS JOIN LATERAL pg_identify_object(m.classoid, m.objoid, m.objsubid) i
  CROSS JOIN LATERAL (SELECT
    CASE WHEN i.type LIKE '% column' THEN 'column' WHEN i.type LIKE '% constraint' THEN 'constraint' ELSE i.type END AS word,
    CASE WHEN i.type = 'domain constraint' THEN (SELECT quote_ident(k.conname) || ' on DOMAIN ' || format_type(k.contypid, NULL)
        FROM pg_constraint k WHERE k.oid = m.objoid)
      WHEN i.type = 'aggregate' THEN regexp_replace(i.identity, '[(][)]$', '(*)')
      ELSE i.identity END AS identity) w
WHERE m.objoid >= 16384 OR (m.classoid = 'pg_namespace'::regclass AND m.description <> 'standard public schema'
  AND m.objoid = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'public'))";
