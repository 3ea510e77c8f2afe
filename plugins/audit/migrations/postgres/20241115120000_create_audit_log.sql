CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    account_id integer NOT NULL REFERENCES accounts (id),
    what text NOT NULL
);

CREATE FUNCTION audit_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, 'invoice ' || NEW.id);
    RETURN NEW;
END
$$;

CREATE TRIGGER invoices_are_audited AFTER INSERT ON invoices
FOR EACH ROW EXECUTE FUNCTION audit_invoice();
