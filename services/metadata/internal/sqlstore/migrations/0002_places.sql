-- Who used what lies below a place is asked by the beginnings of URIs. Only so
-- much of a URI is in the index as PostgreSQL allows in one, whatever its length.
CREATE INDEX artifacts_place ON artifacts (substr(uri, 1, 256));
