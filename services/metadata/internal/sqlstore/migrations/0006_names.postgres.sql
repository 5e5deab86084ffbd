-- Searches for a part of a name use the trigrams of the name, where the server
-- has the extension and lets this user have it. Without it they read every name.
DO $$
DECLARE home name;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'pg_trgm cannot be had: %', SQLERRM;
    END;
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF home IS NOT NULL THEN
        EXECUTE format('CREATE INDEX records_trigrams ON records USING gin (display_name %I.gin_trgm_ops)', home);
    END IF;
END $$;
