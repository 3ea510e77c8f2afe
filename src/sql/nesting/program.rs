//! Stored programs of MariaDB and MySQL: the semicolons that stand inside of one.
//!
//! `IF`, `CASE`, `LOOP` and the like are also words of expressions and clauses, so what counts is
//! where a statement can begin: that is followed token by token, from the head of the program
//! through its blocks, which are kept as a stack. An `END` there closes the innermost block,
//! whatever it says of it: a wrong one is left to the server. The programs of Oracle mode (`AS`,
//! packages) and those in other languages are not known.

use std::ops::Range;

use crate::sql::cursor::Piece;
use crate::sql::lex::{TokenKind, is_mark};

/// What an `END` closes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Begin,
    If,
    Case,
    Loop,
    /// `WHILE` and `FOR`, whose statements stand behind a `DO`.
    WithDo,
    Repeat,
    /// A `REPEAT` whose condition is being said.
    Until,
    /// `CASE` in an expression.
    Expression,
}

/// What can come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first token.
    Start,
    /// `NOT ATOMIC`, if the `BEGIN` was that of a block.
    Begin,
    /// What is created or altered.
    Kind,
    /// The heads of a trigger and of an event.
    Trigger,
    Event,
    /// The name and the parameters of a routine.
    Parameters(Routine),
    /// What stands between them and the body; or the body.
    Characteristics(Routine),
    /// The name of the trigger that this one follows or precedes.
    OtherTrigger,
    /// A statement.
    Statement,
    /// The second token of one; or a colon, if the first was a label.
    Second,
    /// The rest of one.
    Inside,
    /// A condition that a handler is for.
    Condition,
    /// Another one, or the handler's statement.
    Handled,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Routine {
    Procedure,
    Function,
}

const CHARACTERISTICS: [&str; 13] = [
    "COMMENT",
    "CONTAINS",
    "DATA",
    "DEFINER",
    "DETERMINISTIC",
    "INVOKER",
    "LANGUAGE",
    "MODIFIES",
    "NO",
    "NOT",
    "READS",
    "SECURITY",
    "SQL",
];

/// What the body of a function can begin with, unless with a label.
const FUNCTION_BODY: [&str; 8] = ["BEGIN", "RETURN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"];

/// Words that no expression ends with.
const BEFORE_OPERANDS: [&str; 18] = [
    "AND", "AS", "BETWEEN", "BY", "CASE", "DISTINCT", "ELSE", "FROM", "HAVING", "LIKE", "NOT", "ON", "OR",
    "SELECT", "THEN", "UNTIL", "WHEN", "WHERE",
];

/// The state between two tokens of a statement.
pub(in crate::sql) struct Program<'a> {
    place: Place,
    /// The open blocks, each with what opened it.
    open: Vec<(Block, Range<usize>)>,
    parens: usize,
    previous: Option<Piece<'a>>,
    /// It is a program: semicolons may belong to it.
    has_body: bool,
}

impl<'a> Program<'a> {
    pub(super) const fn new() -> Self {
        Self { place: Place::Start, open: Vec::new(), parens: 0, previous: None, has_body: false }
    }

    /// Takes the next significant token; says whether it is a semicolon that ends the statement.
    pub(super) fn ends_statement(&mut self, mut piece: Piece<'a>) -> bool {
        if is_mark(piece.kind, piece.text) {
            return false;
        }
        let qualified = self.previous.is_some_and(|previous| matches!(previous.text, "." | "@"));
        if qualified && piece.kind == TokenKind::Word {
            piece.kind = TokenKind::QuotedName;
        }
        self.place = match piece.kind {
            TokenKind::Semicolon => self.semicolon(),
            _ => self.next(piece),
        };
        let head = matches!(self.place, Place::Trigger | Place::Event | Place::Parameters(_) | Place::Begin);
        self.has_body |= head || self.open.iter().any(|(block, _)| *block != Block::Expression);
        self.previous = Some(piece);
        piece.kind == TokenKind::Semicolon && self.open.is_empty()
    }

    /// Whether what was read so far is the beginning of a program or a block.
    pub(super) const fn is_program(&self) -> bool {
        self.has_body
    }

    /// What opened the outermost block that is still open.
    pub(super) fn open_body(&self) -> Option<Range<usize>> {
        let (block, opened) = self.open.first()?;
        let is_body = *block != Block::Expression && self.place != Place::Begin;
        is_body.then(|| opened.clone())
    }

    fn semicolon(&mut self) -> Place {
        if self.place == Place::Begin {
            self.open.pop();
        }
        // no expression goes beyond a semicolon
        while self.top() == Some(Block::Expression) {
            self.open.pop();
        }
        Place::Statement
    }

    fn next(&mut self, piece: Piece<'a>) -> Place {
        match self.place {
            Place::Start if piece.is_any(&["CREATE", "ALTER"]) => Place::Kind,
            Place::Start if piece.is("BEGIN") => self.open(Block::Begin, piece, Place::Begin),
            Place::Begin if piece.is("NOT") => Place::Begin,
            Place::Begin if piece.is("ATOMIC") && self.after(&["NOT"]) => Place::Statement,
            Place::Begin => self.close(),
            Place::Kind => self.kind(piece),
            Place::Trigger if piece.is("ROW") && self.after(&["EACH"]) => Place::Statement,
            Place::Event if piece.is("DO") => Place::Statement,
            Place::Trigger | Place::Event => self.place,
            Place::Parameters(routine) => self.parameters(routine, piece),
            Place::Characteristics(routine) => self.characteristics(routine, piece),
            Place::OtherTrigger => Place::Statement,
            Place::Second if piece.text == ":" => Place::Statement,
            Place::Second | Place::Inside => self.inside(piece),
            Place::Condition if piece.is_any(&["SQLSTATE", "VALUE", "NOT"]) => Place::Condition,
            Place::Condition => Place::Handled,
            Place::Handled if piece.kind == TokenKind::Comma => Place::Condition,
            Place::Start | Place::Statement | Place::Handled => self.statement(piece),
        }
    }

    /// Between `CREATE` and the kind stand a definer and a few words.
    fn kind(&self, piece: Piece<'a>) -> Place {
        let definer = self.previous.is_some_and(|previous| previous.text == "=");
        if definer || piece.kind != TokenKind::Word {
            return Place::Kind;
        }
        match piece.text.to_ascii_uppercase().as_str() {
            "OR" | "REPLACE" | "AGGREGATE" | "DEFINER" => Place::Kind,
            "TRIGGER" => Place::Trigger,
            "EVENT" => Place::Event,
            "PROCEDURE" => Place::Parameters(Routine::Procedure),
            "FUNCTION" => Place::Parameters(Routine::Function),
            _ => Place::Inside,
        }
    }

    fn parameters(&mut self, routine: Routine, piece: Piece<'a>) -> Place {
        self.count(piece.kind);
        match (piece.kind, self.parens) {
            (TokenKind::CloseParen, 0) => Place::Characteristics(routine),
            _ => self.place,
        }
    }

    /// The type of a function has too many words to know them all, but its body can begin with few.
    fn characteristics(&mut self, routine: Routine, piece: Piece<'a>) -> Place {
        let body = match routine {
            Routine::Procedure => piece.kind != TokenKind::Text && !piece.is_any(&CHARACTERISTICS),
            Routine::Function => self.parens == 0 && piece.is_any(&FUNCTION_BODY),
        };
        if piece.text == ":" {
            return Place::Statement;
        }
        if body {
            return self.statement(piece);
        }
        self.count(piece.kind);
        self.place
    }

    fn count(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::OpenParen => self.parens += 1,
            TokenKind::CloseParen => self.parens = self.parens.saturating_sub(1),
            _ => {}
        }
    }

    /// The first token of a statement, or a word that goes before one.
    fn statement(&mut self, piece: Piece<'a>) -> Place {
        if piece.kind != TokenKind::Word {
            return Place::Second;
        }
        match piece.text.to_ascii_uppercase().as_str() {
            "BEGIN" => self.open(Block::Begin, piece, Place::Statement),
            "LOOP" => self.open(Block::Loop, piece, Place::Statement),
            "REPEAT" => self.open(Block::Repeat, piece, Place::Statement),
            "IF" => self.open(Block::If, piece, Place::Inside),
            "CASE" => self.open(Block::Case, piece, Place::Inside),
            "WHILE" | "FOR" => self.open(Block::WithDo, piece, Place::Inside),
            "END" => self.close(),
            "UNTIL" if self.top() == Some(Block::Repeat) => {
                self.open.pop();
                self.open(Block::Until, piece, Place::Inside)
            }
            "NOT" | "ATOMIC" | "ELSE" => Place::Statement,
            "FOLLOWS" | "PRECEDES" if self.after(&["ROW"]) => Place::OtherTrigger,
            _ => Place::Second,
        }
    }

    /// Another token of a statement.
    fn inside(&mut self, piece: Piece<'a>) -> Place {
        let top = self.top();
        match piece.kind {
            TokenKind::Word if piece.is("CASE") && !self.after(&["END"]) => {
                self.open(Block::Expression, piece, Place::Inside)
            }
            TokenKind::Word if piece.is("END") && !self.expects_operand() => match top {
                Some(Block::Expression | Block::Until) => self.close(),
                _ => Place::Inside,
            },
            TokenKind::Word if piece.is("THEN") && matches!(top, Some(Block::If | Block::Case)) => {
                Place::Statement
            }
            TokenKind::Word if piece.is("DO") && top == Some(Block::WithDo) => Place::Statement,
            TokenKind::Word if piece.is("FOR") && self.after(&["HANDLER"]) => Place::Condition,
            _ => Place::Inside,
        }
    }

    /// Whether an `END` that stands here is a column of that name.
    fn expects_operand(&self) -> bool {
        let operator = |kind| matches!(kind, TokenKind::Other | TokenKind::Comma | TokenKind::OpenParen);
        self.after(&BEFORE_OPERANDS) || self.previous.is_some_and(|previous| operator(previous.kind))
    }

    fn after(&self, words: &[&str]) -> bool {
        self.previous.is_some_and(|previous| previous.is_any(words))
    }

    fn top(&self) -> Option<Block> {
        self.open.last().map(|(block, _)| *block)
    }

    fn open(&mut self, block: Block, piece: Piece<'a>, next: Place) -> Place {
        self.open.push((block, piece.at..piece.at + piece.text.len()));
        next
    }

    fn close(&mut self) -> Place {
        self.open.pop();
        Place::Inside
    }
}
