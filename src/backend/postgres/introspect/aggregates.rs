//! Aggregates, for which the server has no function that spells them.

/// Only what is not the default. A function may be changed in place by a final function; which is
/// the default for that depends on the kind of aggregate.
pub(super) const AGGREGATES: &str = concat!(
    "SELECT 'aggregate', p.tableoid::int8, p.oid::int8, 0::int8, 0::int8, f.signature,
       'CREATE AGGREGATE ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
       || CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END || E') (\\n    SFUNC = '
       || g.aggtransfn::text || E',\\n    STYPE = ' || format_type(g.aggtranstype, NULL)
       || CASE WHEN g.aggtransspace <> 0 THEN E',\\n    SSPACE = ' || g.aggtransspace ELSE '' END
       || CASE WHEN g.aggfinalfn <> 0 THEN E',\\n    FINALFUNC = ' || g.aggfinalfn::text ELSE '' END
       || CASE WHEN g.aggfinalextra THEN E',\\n    FINALFUNC_EXTRA' ELSE '' END
       || CASE WHEN g.aggfinalmodify = f.modify THEN '' ELSE E',\\n    FINALFUNC_MODIFY = '
            || CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END
       || CASE WHEN g.aggcombinefn <> 0 THEN E',\\n    COMBINEFUNC = ' || g.aggcombinefn::text ELSE '' END
       || CASE WHEN g.aggserialfn <> 0 THEN E',\\n    SERIALFUNC = ' || g.aggserialfn::text ELSE '' END
       || CASE WHEN g.aggdeserialfn <> 0 THEN E',\\n    DESERIALFUNC = ' || g.aggdeserialfn::text ELSE '' END
       || coalesce(E',\\n    INITCOND = ' || quote_literal(g.agginitval), '')
       || CASE WHEN g.aggmtransfn <> 0 THEN E',\\n    MSFUNC = ' || g.aggmtransfn::text ELSE '' END
       || CASE WHEN g.aggminvtransfn <> 0 THEN E',\\n    MINVFUNC = ' || g.aggminvtransfn::text ELSE '' END
       || CASE WHEN g.aggmtranstype <> 0 THEN E',\\n    MSTYPE = ' || format_type(g.aggmtranstype, NULL) ELSE '' END
       || CASE WHEN g.aggmtransspace <> 0 THEN E',\\n    MSSPACE = ' || g.aggmtransspace ELSE '' END
       || CASE WHEN g.aggmfinalfn <> 0 THEN E',\\n    MFINALFUNC = ' || g.aggmfinalfn::text ELSE '' END
       || CASE WHEN g.aggmfinalextra THEN E',\\n    MFINALFUNC_EXTRA' ELSE '' END
       || CASE WHEN g.aggmfinalmodify = f.modify OR g.aggmtransfn = 0 THEN '' ELSE E',\\n    MFINALFUNC_MODIFY = '
            || CASE g.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END
       || coalesce(E',\\n    MINITCOND = ' || quote_literal(g.aggminitval), '')
       || CASE WHEN g.aggsortop <> 0 THEN (SELECT E',\\n    SORTOP = OPERATOR(' || quote_ident(m.nspname) || '.'
              || o.oprname || ')' FROM pg_operator o JOIN pg_namespace m ON m.oid = o.oprnamespace
            WHERE o.oid = g.aggsortop) ELSE '' END
       || CASE p.proparallel WHEN 's' THEN E',\\n    PARALLEL = SAFE' WHEN 'r' THEN E',\\n    PARALLEL = RESTRICTED'
            ELSE '' END
       || CASE g.aggkind WHEN 'h' THEN E',\\n    HYPOTHETICAL' ELSE '' END || E'\\n);'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_aggregate g ON g.aggfnoid = p.oid
  CROSS JOIN LATERAL (SELECT CASE g.aggkind WHEN 'n' THEN 'r' ELSE 's' END::\"char\" AS modify,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
      || CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(p.oid) END || ')' AS signature) f
WHERE p.prokind = 'a' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("p")
);
