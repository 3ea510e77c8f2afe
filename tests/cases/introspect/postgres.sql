-- One of everything that PostgreSQL introspection reads (13 or newer), with the names, dependencies
-- and options that are easily got wrong. Its dump must load into an empty database and give the
-- same dump again.

CREATE SCHEMA shop;
CREATE SCHEMA "Odd Schema.x";
COMMENT ON SCHEMA shop IS 'the shop''s own';
CREATE EXTENSION hstore WITH SCHEMA shop;
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;
CREATE EXTENSION btree_gist;

-- enums: order of labels, quotes, a type used by arrays and domains, one that is empty
CREATE TYPE shop.status AS ENUM ('new', 'it''s "paid"', 'back\slash', 'gone');
ALTER TYPE shop.status ADD VALUE 'packed' BEFORE 'gone';
CREATE TYPE public."Mood ""x""" AS ENUM ('b', 'a');
CREATE TYPE nothing AS ENUM ();
COMMENT ON TYPE shop.status IS 'line one
line two \ ''quoted''';

-- domains: collation, default, not null, checks that call functions, domains over domains and arrays
CREATE FUNCTION shop.is_sku(value text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT value ~ '^[A-Z]+\d$' $$;
CREATE DOMAIN shop.sku AS varchar(20) COLLATE "C" DEFAULT 'A1' NOT NULL CONSTRAINT shape CHECK (shop.is_sku(VALUE)) CHECK (length(VALUE) > 1);
CREATE DOMAIN shop.narrow_sku AS shop.sku CHECK (VALUE <> 'B2');
CREATE DOMAIN public.statuses AS shop.status[] DEFAULT '{new}';
ALTER DOMAIN shop.narrow_sku ADD CONSTRAINT "later on" CHECK (VALUE <> 'C3') NOT VALID;
COMMENT ON DOMAIN shop.sku IS 'stock keeping unit';
COMMENT ON CONSTRAINT shape ON DOMAIN shop.sku IS 'letters, then a digit';

-- composite types: of domains, of each other, without attributes
CREATE TYPE shop.size AS (width numeric(8,2), height numeric(8,2), "Unit" text COLLATE "POSIX");
CREATE TYPE shop.box AS (inner_size shop.size, code shop.sku, labels public.statuses, extra shop.hstore);
CREATE TYPE empty_type AS ();
ALTER TYPE shop.size ADD ATTRIBUTE depth real;
ALTER TYPE shop.size DROP ATTRIBUTE height;
COMMENT ON COLUMN shop.size.width IS 'in units';

-- ranges
CREATE FUNCTION shop.minutes_between(a time, b time) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT EXTRACT(EPOCH FROM (a - b)) / 60';
CREATE TYPE shop.timerange AS RANGE (SUBTYPE = time, SUBTYPE_DIFF = shop.minutes_between);
CREATE TYPE public.text_span AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops, COLLATION = "C");

-- sequences
CREATE SEQUENCE shop.plain;
CREATE SEQUENCE shop."Down" AS smallint INCREMENT BY -2 MINVALUE -100 MAXVALUE 50 START WITH 10 CACHE 5 CYCLE;
CREATE SEQUENCE shop.by_ten AS integer INCREMENT BY 10 START WITH 7;
CREATE SEQUENCE shop.default_down INCREMENT BY -1;
COMMENT ON SEQUENCE shop.plain IS '';
COMMENT ON SEQUENCE shop.by_ten IS 'tens';

-- a table with all sorts of columns, among them a dropped one
CREATE FUNCTION shop.next_code(prefix text DEFAULT 'x', OUT code text) LANGUAGE plpgsql VOLATILE AS $function$
BEGIN
  code := prefix || '$body$' || nextval('shop.plain');
END
$function$;
CREATE FUNCTION shop.slug(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 5 RETURN lower(value);
CREATE TABLE shop.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Full Name" character varying(200) COLLATE "C" NOT NULL,
    dropped_later integer,
    slug text GENERATED ALWAYS AS (shop.slug(('it''s ' || COALESCE(nick, '')))) STORED,
    nick text,
    code text DEFAULT shop.next_code('c') NOT NULL,
    mood public."Mood ""x""" DEFAULT 'a'::public."Mood ""x""",
    state shop.status[] DEFAULT ARRAY['new'::shop.status, 'gone'],
    sizes shop.size[],
    attributes shop.hstore DEFAULT 'a=>1'::shop.hstore,
    token uuid DEFAULT gen_random_uuid(),
    born date DEFAULT '2000-02-29',
    seen timestamp(3) with time zone DEFAULT '2000-01-01 00:00:00+02',
    every interval DAY TO SECOND(3) DEFAULT '1 day 02:03',
    raw bytea DEFAULT '\x00ff',
    share double precision DEFAULT 0.1 CHECK (share >= 0 AND share <= 1),
    path text DEFAULT 'C:\dir',
    price money DEFAULT '12.50',
    bits bit(3) DEFAULT B'101',
    matrix integer[][] NOT NULL DEFAULT '{{1,2},{3,4}}',
    "select" "char",
    valid tstzrange,
    CONSTRAINT "Odd ""check""" CHECK (nick <> ' CONSTRAINT ),
' AND (code ~ '\d' OR code IS NULL)),
    CONSTRAINT customer_code_key UNIQUE (code) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT a_key UNIQUE (nick, token) INCLUDE (born) WITH (fillfactor = 70),
    CONSTRAINT no_overlap EXCLUDE USING gist (id WITH =, valid WITH &&) WHERE (valid IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE shop.customer DROP COLUMN dropped_later;
ALTER TABLE shop.customer ADD CONSTRAINT checked_later CHECK (born > '1900-01-01') NOT VALID;
ALTER TABLE shop.customer REPLICA IDENTITY FULL;
COMMENT ON TABLE shop.customer IS 'who buys';
COMMENT ON COLUMN shop.customer."Full Name" IS 'as on the letter box';
COMMENT ON CONSTRAINT "Odd ""check""" ON shop.customer IS 'odd';
COMMENT ON INDEX shop.a_key IS 'an index of a constraint';

-- serial, a shared sequence, an identity with options, names that were changed, no column at all
CREATE TABLE shop.item (
    id serial PRIMARY KEY,
    big bigserial,
    shared bigint DEFAULT nextval('shop.plain'),
    counted integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 5 START WITH 100 MINVALUE 10 CACHE 3 CYCLE),
    customer_id bigint,
    sku shop.sku,
    box shop.box
);
ALTER TABLE shop.item RENAME TO "Item";
ALTER SEQUENCE shop.by_ten OWNED BY shop."Item".box;
ALTER TABLE shop."Item" ADD CONSTRAINT owner_fk FOREIGN KEY (customer_id) REFERENCES shop.customer ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE;
ALTER TABLE shop."Item" ADD CONSTRAINT self_fk FOREIGN KEY (big) REFERENCES shop."Item" (id) NOT VALID;
COMMENT ON CONSTRAINT owner_fk ON shop."Item" IS 'owned by';
COMMENT ON COLUMN shop."Item".id IS NULL;
CREATE TABLE nothing_in_it ();
CREATE UNLOGGED TABLE "Odd Schema.x"."Odd.Table, (with) 'all'" ("a, b" integer DEFAULT 1, "c""d" text, "é ü" text);
COMMENT ON COLUMN "Odd Schema.x"."Odd.Table, (with) 'all'"."c""d" IS 'c"d';

-- a function of a table's row type, of its set, an SQL-standard body, a polymorphic and a variadic one
CREATE FUNCTION shop.display(shop.customer) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1."Full Name" || ' <' || $1.nick || '>' $$;
CREATE FUNCTION shop.customers_like(pattern text) RETURNS SETOF shop.customer LANGUAGE sql STABLE ROWS 7 AS $$ SELECT * FROM shop.customer WHERE nick LIKE pattern $$;
CREATE FUNCTION shop.customer_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'shop', 'pg_temp' SET work_mem = '8MB'
BEGIN ATOMIC
  SELECT count(*) FROM shop.customer;
END;
CREATE FUNCTION shop.not_there_yet() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.pick(VARIADIC items anyarray) RETURNS anyelement LANGUAGE sql AS 'SELECT items[1]';
CREATE FUNCTION shop.as_table(n integer) RETURNS TABLE (a integer, "B" text) LANGUAGE sql AS $$ SELECT n, 'x;' $$;
COMMENT ON FUNCTION shop.pick(anyarray) IS 'the first';
CREATE PROCEDURE shop.tidy(INOUT n integer DEFAULT 3) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; -- ;
END $$;
COMMENT ON PROCEDURE shop.tidy(integer) IS 'tidies';

-- a table whose default and check need a function that needs another table
CREATE TABLE shop.order_line (
    id integer PRIMARY KEY,
    counted bigint DEFAULT shop.customer_count(),
    who shop.customer,
    CONSTRAINT shown CHECK (shop.display(who) <> '')
);

-- aggregates
CREATE FUNCTION shop.add_up(state numeric, value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT state + COALESCE(value, 0)';
CREATE FUNCTION shop.take_off(state numeric, value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT state - COALESCE(value, 0)';
CREATE FUNCTION shop.finish(state numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT state || '!' $$;
CREATE FUNCTION shop.one_more(state bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT state + 1';
CREATE AGGREGATE shop.total(value numeric) (SFUNC = shop.add_up, STYPE = numeric, FINALFUNC = shop.finish, FINALFUNC_MODIFY = SHAREABLE, COMBINEFUNC = shop.add_up, INITCOND = '0', SSPACE = 64,
    MSFUNC = shop.add_up, MINVFUNC = shop.take_off, MSTYPE = numeric, MFINALFUNC = shop.finish, MINITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE shop.rows(*) (SFUNC = shop.one_more, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE shop.least_text(text) (SFUNC = text_smaller, STYPE = text, SORTOP = <);
CREATE AGGREGATE shop.middle(p double precision ORDER BY value double precision) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_cont_float8_final);
CREATE AGGREGATE shop.would_be(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
COMMENT ON AGGREGATE shop.rows(*) IS 'how many';
COMMENT ON AGGREGATE shop.total(numeric) IS 'in all';

-- partitions: several levels, a default, keys, indexes and triggers from above and of their own
CREATE TABLE shop.event (id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), kind text DEFAULT 'x', customer_id bigint,
    CONSTRAINT event_pkey PRIMARY KEY (id, at, kind), CONSTRAINT event_kind CHECK (kind <> '')) PARTITION BY RANGE (at);
CREATE TABLE shop.event_2024 PARTITION OF shop.event (CONSTRAINT only_here CHECK (kind <> 'y')) FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00') PARTITION BY LIST (kind);
CREATE TABLE shop.event_2024_a PARTITION OF shop.event_2024 FOR VALUES IN ('a', 'it''s') WITH (fillfactor = 50);
CREATE TABLE shop.event_2024_rest PARTITION OF shop.event_2024 DEFAULT;
-- attached, with other columns in another order, another default, and a NOT NULL more
CREATE TABLE shop."0_attached" (customer_id bigint, gone integer, kind text DEFAULT 'y' NOT NULL, at timestamptz NOT NULL, id bigint NOT NULL, CONSTRAINT event_kind CHECK (kind <> ''));
ALTER TABLE shop."0_attached" DROP COLUMN gone;
CREATE INDEX "0_attached_customer_id_idx" ON shop."0_attached" (customer_id) WHERE customer_id > 0;
ALTER TABLE shop.event ATTACH PARTITION shop."0_attached" FOR VALUES FROM (MINVALUE) TO ('2024-01-01 00:00:00+00');
CREATE INDEX ON shop.event (customer_id);
CREATE INDEX "event ON ONLY x" ON shop.event (lower(kind));
CREATE INDEX incomplete ON ONLY shop.event (kind, id);
ALTER TABLE shop.event ADD CONSTRAINT event_customer FOREIGN KEY (customer_id) REFERENCES shop.customer;
CREATE TABLE shop.hashed (id integer, name text COLLATE "C") PARTITION BY HASH (id, lower(name));
CREATE TABLE shop.hashed_0 PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.refers (event_id bigint, event_at timestamptz, event_kind text, FOREIGN KEY (event_id, event_at, event_kind) REFERENCES shop.event);

-- inheritance, merged columns, several parents, columns that differ from the inherited ones; typed tables
CREATE TABLE shop.base (id integer NOT NULL, note text DEFAULT 'base', extra integer, CONSTRAINT noted CHECK (note <> '') NO INHERIT, CONSTRAINT positive CHECK (id > 0));
CREATE TABLE shop.other_base (stamp date, id integer);
CREATE TABLE shop.child (own text, note text DEFAULT 'merged') INHERITS (shop.base, shop.other_base);
ALTER TABLE shop.child ALTER COLUMN extra SET DEFAULT 5, ALTER COLUMN extra SET NOT NULL, ALTER COLUMN stamp SET NOT NULL;
ALTER TABLE shop.base ADD COLUMN added_later integer;
CREATE TABLE shop.adopted (zebra text, extra integer, note text, id integer NOT NULL, added_later integer, CONSTRAINT positive CHECK (id > 0));
ALTER TABLE shop.adopted INHERIT shop.base;
CREATE TABLE shop.typed OF shop.size (PRIMARY KEY (width), depth WITH OPTIONS DEFAULT 1.5);
CREATE TABLE shop.typed_plainly OF shop.size;

-- replica identities
CREATE TABLE shop.by_index (a integer NOT NULL, b integer NOT NULL, CONSTRAINT by_index_key UNIQUE (a));
CREATE UNIQUE INDEX by_index_b ON shop.by_index (b);
ALTER TABLE shop.by_index REPLICA IDENTITY USING INDEX by_index_b;
CREATE TABLE shop.by_constraint (a integer NOT NULL UNIQUE);
ALTER TABLE shop.by_constraint REPLICA IDENTITY USING INDEX by_constraint_a_key;
CREATE TABLE shop.unreplicated (a integer);
ALTER TABLE shop.unreplicated REPLICA IDENTITY NOTHING;

-- views on views, on functions; functions on views; materialized ones with indexes
CREATE VIEW shop.a_on_z WITH (security_barrier) AS SELECT c.id, shop.display(c.*) AS shown, 'it''s;' AS "Quoted; name" FROM shop.customer c;
CREATE VIEW public.active AS SELECT id, nick FROM shop.customer WHERE nick IS NOT NULL WITH CASCADED CHECK OPTION;
CREATE VIEW public.aa AS SELECT a.*, s.code FROM public.active a CROSS JOIN LATERAL shop.next_code(a.nick) s (code);
ALTER VIEW public.active ALTER COLUMN nick SET DEFAULT 'n';
ALTER VIEW public.aa RENAME COLUMN code TO "Code";
CREATE RECURSIVE VIEW shop.numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 3;
CREATE FUNCTION public.all_active() RETURNS SETOF public.aa LANGUAGE sql AS 'SELECT * FROM public.aa';
CREATE VIEW public."0_last" AS SELECT count(*) AS n FROM public.all_active();
CREATE VIEW shop.grouped AS SELECT c.id, c.nick, count(*) FROM shop.customer c JOIN shop."Item" i ON i.customer_id = c.id GROUP BY c.id;
COMMENT ON VIEW public.active IS 'has a nick';
COMMENT ON COLUMN public.active.nick IS 'the nick';
CREATE MATERIALIZED VIEW shop.summary WITH (fillfactor = 60) AS SELECT slug, count(*) AS n FROM shop.customer GROUP BY slug;
CREATE UNIQUE INDEX summary_slug ON shop.summary (slug);
CREATE FUNCTION shop.of_summary(s shop.summary) RETURNS bigint LANGUAGE sql AS 'SELECT s.n';
CREATE FUNCTION shop.from_summary() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(n)::bigint FROM shop.summary; END;
CREATE TABLE shop.after_all (n bigint DEFAULT shop.from_summary());
COMMENT ON MATERIALIZED VIEW shop.summary IS 'summed up';
COMMENT ON COLUMN shop.summary.n IS 'how many';

-- indexes: expressions, partial, opclasses, orders, includes, other methods
CREATE INDEX customer_display ON shop.customer (shop.slug(nick) DESC NULLS LAST, lower("Full Name" COLLATE "POSIX") text_pattern_ops) INCLUDE (born) WITH (fillfactor = 90) WHERE nick <> 'x''; y';
CREATE INDEX customer_attributes ON shop.customer USING gin (attributes);
CREATE INDEX "Odd Index" ON "Odd Schema.x"."Odd.Table, (with) 'all'" USING hash ("a, b");
CREATE INDEX item_who ON shop."Item" USING brin (id) WITH (pages_per_range = 16);
COMMENT ON INDEX "Odd Schema.x"."Odd Index" IS 'odd';

-- triggers: with condition, columns, transition tables, constraint triggers, switched off, on views
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE OF nick, code ON shop.customer FOR EACH ROW WHEN (OLD.nick IS DISTINCT FROM NEW.nick) EXECUTE FUNCTION shop.touch('arg', '2', 'it''s');
CREATE TRIGGER "Zap!" AFTER INSERT ON shop.customer REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION shop.touch();
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON shop.customer FROM shop."Item" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER off AFTER DELETE ON shop.customer EXECUTE FUNCTION shop.touch();
CREATE TRIGGER replica AFTER DELETE ON shop.customer EXECUTE FUNCTION shop.touch();
CREATE TRIGGER always AFTER DELETE ON shop.customer EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customer DISABLE TRIGGER off;
ALTER TABLE shop.customer ENABLE REPLICA TRIGGER replica;
ALTER TABLE shop.customer ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER instead INSTEAD OF INSERT ON public.aa FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER on_all AFTER INSERT ON shop.event FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER on_one AFTER INSERT ON shop.event_2024_a FOR EACH ROW EXECUTE FUNCTION shop.touch();
COMMENT ON TRIGGER touch ON shop.customer IS 'touches';
COMMENT ON CONSTRAINT checked ON shop.customer IS 'a constraint trigger';

-- rules
CREATE RULE protect AS ON DELETE TO shop."Item" WHERE old.id < 10 DO INSTEAD NOTHING;
CREATE RULE "log it" AS ON UPDATE TO shop."Item" DO ALSO (INSERT INTO public.nothing_in_it DEFAULT VALUES; NOTIFY item);
CREATE RULE asleep AS ON INSERT TO shop.order_line DO ALSO NOTHING;
ALTER TABLE shop.order_line DISABLE RULE asleep;
COMMENT ON RULE protect ON shop."Item" IS 'keep the first ten';

-- row-level security
ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.customer FORCE ROW LEVEL SECURITY;
CREATE POLICY everyone ON shop.customer;
CREATE POLICY "own rows" ON shop.customer AS RESTRICTIVE FOR UPDATE TO CURRENT_USER, pg_monitor USING (nick = CURRENT_USER) WITH CHECK (shop.customer_count() > 0 AND EXISTS (SELECT FROM shop."Item" i WHERE i.customer_id = customer.id));
CREATE POLICY adding ON shop.customer FOR INSERT WITH CHECK (true);
COMMENT ON POLICY everyone ON shop.customer IS 'all of them';
