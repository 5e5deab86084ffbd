-- Datasets and jobs are looked up by name, newest first. Only so much of a name is in
-- an index as PostgreSQL allows in one, whatever its length.
CREATE INDEX artifacts_name ON artifacts (substr(name, 1, 256), created_at, uid);
CREATE INDEX executions_name ON executions (substr(name, 1, 256), created_at, uid);
