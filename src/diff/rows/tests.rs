//! Cases of made up rows.

use super::*;
use crate::schema::{Kind, Object};

fn schema(objects: &[(Kind, &str, &str)]) -> Schema {
    let object = |&(kind, name, definition): &(Kind, &str, &str)| Object {
        kind,
        name: name.to_owned(),
        definition: definition.to_owned(),
    };
    Schema::new(objects.iter().map(object).collect())
}

fn texts(dialect: Dialect, schema: &Schema) -> Vec<String> {
    inserts(dialect, schema, &BTreeMap::new()).into_iter().map(|insert| insert.sql).collect()
}

#[test]
fn parents_come_first_and_are_pointed_at() {
    let posts = "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES Users,\n\
                 status TEXT NOT NULL CHECK (status IN ('new', 'old')));";
    let users = "CREATE TABLE \"users\" (id INTEGER PRIMARY KEY, name VARCHAR(2));";
    let schema = schema(&[(Kind::Table, "posts", posts), (Kind::Table, "users", users)]);
    assert_eq!(
        texts(Dialect::Sqlite, &schema),
        [
            "INSERT INTO \"users\" (name) VALUES ('aa');",
            "INSERT INTO \"users\" (id, name) VALUES (2, NULL);",
            "INSERT INTO posts (user_id, status) VALUES ((SELECT id FROM \"users\" ORDER BY id LIMIT 1 OFFSET 0), 'new');",
            "INSERT INTO posts (id, user_id, status) VALUES (2, (SELECT id FROM \"users\" ORDER BY id LIMIT 1 OFFSET 1), 'old');",
        ]
    );
}

#[test]
fn what_postgres_says_of_types_is_followed() {
    let schema = schema(&[
        (Kind::Enum, "public.mood", "CREATE TYPE public.mood AS ENUM (\n    'it''s',\n    'b'\n);"),
        (
            Kind::Table,
            "public.t",
            "CREATE TABLE public.t (\n    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,\n    m public.mood NOT NULL,\n    \
             p numeric(10,2) DEFAULT 0 NOT NULL,\n    at timestamp with time zone,\n    \
             d integer GENERATED ALWAYS AS ((1 + 1)) STORED,\n    tags text[] NOT NULL,\n    \
             u_id integer NOT NULL,\n    s text NOT NULL,\n    \
             CONSTRAINT t_pkey PRIMARY KEY (id),\n    \
             CONSTRAINT t_s CHECK ((s = ANY (ARRAY['x'::text, 'y'::text])))\n);",
        ),
        (Kind::Table, "public.\"U\"", "CREATE TABLE public.\"U\" (\n    id integer NOT NULL\n);"),
        (
            Kind::ForeignKey,
            "public.t.t_fk",
            "ALTER TABLE ONLY public.t ADD CONSTRAINT t_fk FOREIGN KEY (u_id) REFERENCES public.\"U\"(id);",
        ),
    ]);
    let texts = texts(Dialect::Postgres, &schema);
    assert_eq!(texts[0], "INSERT INTO public.\"U\" (id) VALUES (1);");
    assert_eq!(
        texts[2],
        "INSERT INTO public.t (m, at, tags, u_id, s) VALUES ('it''s', '2024-01-01 10:00:00', '{}', \
         (SELECT id FROM public.\"U\" ORDER BY id LIMIT 1 OFFSET 0), 'x');"
    );
    assert!(texts[3].contains("(m, p, at, tags, u_id, s) VALUES ('b', 2.5, NULL, "), "{}", texts[3]);
}

#[test]
fn what_mariadb_prints_is_understood() {
    let schema = schema(&[(
        Kind::Table,
        "t",
        "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `e` enum('a','b') CHARACTER SET utf8mb4 NOT NULL,\n  \
         `on it` tinyint(1) NOT NULL,\n  `v` int(11) GENERATED ALWAYS AS (`id` + 1) VIRTUAL,\n  `up` int(11) DEFAULT NULL,\n  \
         PRIMARY KEY (`id`),\n  CONSTRAINT `t_ibfk_1` FOREIGN KEY (`up`) REFERENCES `t` (`id`)\n) ENGINE=InnoDB;",
    )]);
    assert_eq!(
        texts(Dialect::MariaDb, &schema),
        [
            "INSERT INTO `t` (`e`, `on it`, `up`) VALUES ('a', 1, NULL);",
            "INSERT INTO `t` (`id`, `e`, `on it`, `up`) VALUES (2, 'b', 0, NULL);",
        ]
    );
}

#[test]
fn columns_that_stay_are_read_under_both_names() {
    let table = |name: &str, text: &str| schema(&[(Kind::Table, name, text)]);
    let from = table("a", "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y INT, z INT);");
    let to = table("b", "CREATE TABLE b (id INTEGER PRIMARY KEY, n TEXT NOT NULL, y TEXT);");
    let found = kept(
        Dialect::Sqlite,
        &from,
        &to,
        |_| "b".to_owned(),
        |_, column| if column == "x" { "n".to_owned() } else { column.to_owned() },
    );
    let kept = Kept {
        table: "b".to_owned(),
        before: "SELECT quote(id), quote(x) FROM a".to_owned(),
        after: "SELECT quote(id), quote(n) FROM b".to_owned(),
    };
    assert_eq!(found, [kept]);
}
