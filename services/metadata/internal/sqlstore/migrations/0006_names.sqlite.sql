-- Which records changed lately, newest last, so that what is held of them in
-- memory can catch up. Only the last some thousand changes are kept.
CREATE TABLE record_changes (
    turn IDENTITY,
    kind VARTEXT NOT NULL,
    uid  VARTEXT NOT NULL
);
