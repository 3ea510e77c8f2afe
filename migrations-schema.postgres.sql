-- The schema that the locked migrations make of an empty database. Commit this file; do not edit it.
-- Written by `db-migrations`; `db-migrations schema snapshot` makes it anew.
--
-- dialect: postgres
-- server: PostgreSQL 15.18
-- tool: db-migrations 0.1.0
-- proof: replay
-- digest: d64acf700be936c1bffd67c5e91331539bc7c75e4c0f063525ff16b461592f42
-- run accounts::20240105090000_create_accounts
-- run billing::20240312110000_create_invoices
-- run accounts::20240820100000_index_users_by_account
-- run billing::20240901080000_open_invoices
-- skip billing::20241001080000_index_invoices
-- run audit::20241115120000_create_audit_log
-- run legacy::20190301070000_create_countries

SET check_function_bodies = off;

-- function: public.audit_invoice()
CREATE OR REPLACE FUNCTION public.audit_invoice()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, 'invoice ' || NEW.id);
    RETURN NEW;
END
$function$;

-- table: public.accounts
CREATE TABLE public.accounts (
    id integer NOT NULL,
    name character varying(200) NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_name_key UNIQUE (name)
);

-- table: public.audit_log
CREATE TABLE public.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    account_id integer NOT NULL,
    what text NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);

-- table: public.countries
CREATE TABLE public.countries (
    code character(2) NOT NULL,
    name character varying(100) NOT NULL,
    CONSTRAINT countries_pkey PRIMARY KEY (code)
);

-- table: public.invoices
CREATE TABLE public.invoices (
    id integer NOT NULL,
    account_id integer NOT NULL,
    cents integer NOT NULL,
    issued_on date NOT NULL,
    paid_on date,
    CONSTRAINT invoices_pkey PRIMARY KEY (id),
    CONSTRAINT invoices_cents_check CHECK ((cents >= 0))
);

-- table: public.users
CREATE TABLE public.users (
    id integer NOT NULL,
    account_id integer NOT NULL,
    email character varying(320) NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email)
);

-- view: public.open_invoices
CREATE VIEW public.open_invoices AS
 SELECT invoices.id,
    invoices.account_id,
    invoices.cents
   FROM public.invoices
  WHERE (invoices.paid_on IS NULL);

-- index: public.users_by_account
CREATE INDEX users_by_account ON public.users USING btree (account_id);

-- trigger: public.invoices.invoices_are_audited
CREATE TRIGGER invoices_are_audited AFTER INSERT ON public.invoices FOR EACH ROW EXECUTE FUNCTION public.audit_invoice();

-- foreign key: public.audit_log.audit_log_account_id_fkey
ALTER TABLE ONLY public.audit_log ADD CONSTRAINT audit_log_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

-- foreign key: public.invoices.invoices_account_id_fkey
ALTER TABLE ONLY public.invoices ADD CONSTRAINT invoices_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

-- foreign key: public.users.users_account_id_fkey
ALTER TABLE ONLY public.users ADD CONSTRAINT users_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;
