CREATE TABLE countries (
    code CHAR(2) PRIMARY KEY,
    name VARCHAR(100) NOT NULL
);

INSERT INTO countries (code, name) VALUES ('CZ', 'Czechia'), ('DE', 'Germany'), ('FR', 'France');
