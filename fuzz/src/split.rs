//! The lexers and the splitter: no byte and no token is lost, on any dialect.

use db_migrations::dialect::Dialect;
use db_migrations::migration::normalise;
use db_migrations::sql::{self, Statement, Token, TokenKind, Way};

/// The tokens join to the text; every significant one is in one statement, or ends one; what is read
/// off a statement is read without a panic.
pub fn split(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = normalise(text);
    for dialect in Dialect::ALL {
        let tokens = match sql::tokens(dialect, &text) {
            Ok(tokens) => tokens,
            Err(error) => {
                assert!(text.get(error.span.clone()).is_some(), "no place in the text: {error:?}");
                assert!(sql::split(dialect, &text).is_err(), "{dialect} cuts what it cannot read");
                continue;
            }
        };
        join(&text, &tokens);
        match sql::split(dialect, &text) {
            Ok(statements) => {
                cut(&text, &tokens, &statements);
                effects(dialect, &text, &statements);
            }
            Err(error) => assert!(text.get(error.span.clone()).is_some(), "no place: {error:?}"),
        }
    }
}

fn join(text: &str, tokens: &[Token]) {
    let mut at = 0;
    for token in tokens {
        assert_eq!(token.span.start, at, "the tokens join");
        assert!(token.span.end > at, "no token is empty");
        at = token.span.end;
        assert!(text.is_char_boundary(at));
    }
    assert_eq!(at, text.len(), "the tokens are the whole text");
}

fn cut(text: &str, tokens: &[Token], statements: &[Statement]) {
    let mut rest = statements.iter().peekable();
    let mut inside = 0;
    for token in tokens.iter().filter(|token| token.kind.is_significant()) {
        while rest.next_if(|statement| statement.span.end <= token.span.start).is_some() {}
        let home = rest.peek().filter(|statement| statement.span.start <= token.span.start);
        match home {
            Some(statement) => {
                assert!(token.span.end <= statement.span.end, "a token is cut in two: {token:?}");
                inside += 1;
            }
            None => assert!(
                matches!(token.kind, TokenKind::Semicolon | TokenKind::Delimiter),
                "a token is in no statement: {token:?} {:?}",
                &text[token.span.clone()]
            ),
        }
    }
    assert!(inside >= statements.len());
    let mut end = 0;
    for statement in statements {
        assert!(statement.leading.start >= end && statement.leading.end == statement.span.start);
        assert!(statement.span.start < statement.span.end);
        end = statement.span.end;
        let line = text[..statement.span.start].matches('\n').count() + 1;
        assert_eq!(statement.line, line, "the line of a statement");
    }
}

fn effects(dialect: Dialect, text: &str, statements: &[Statement]) {
    let _ = sql::leftovers(dialect, text, statements);
    let _ = sql::lost_by_restart(dialect, text, statements, statements.len() / 2);
    for statement in statements {
        let statement = &text[statement.span.clone()];
        let _ = (sql::boundary(dialect, statement), sql::commits(dialect, statement));
        let _ = (sql::completion(dialect, statement), sql::prepared(dialect, statement));
        let _ = (sql::executed(dialect, statement), sql::called_procedure(dialect, statement));
        let _ = (sql::created_with_engine(dialect, statement), sql::creates_table(dialect, statement));
        let _ = (sql::written_tables(dialect, statement), sql::asleep(dialect, statement));
        let _ = (sql::dropped_tables(dialect, statement), sql::added_enum_value(dialect, statement));
        let _ = (sql::is_pragma(statement), sql::sets_session(dialect, statement));
        let _ = (sql::creates_temporary(dialect, statement), sql::changes_rows(dialect, statement));
        let _ = (sql::beyond_database(dialect, statement), sql::creates_code(dialect, statement));
        let _ = (sql::selects(dialect, statement), sql::body_only_changes_rows(dialect, statement));
        let _ = (sql::normal_form(dialect, statement), sql::table_parts(dialect, statement));
        let _ = (sql::without_definer(dialect, statement), sql::without_auto_increment(dialect, statement));
        let _ = (sql::without_starts(dialect, statement), sql::without_database(dialect, statement, "d"));
        let _ = (sql::sources(dialect, statement, "d"), sql::significant(dialect, statement));
        let _ = sql::rows(dialect, statement, Way::Up);
    }
}
