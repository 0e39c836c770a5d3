-- When a statement began. The same for every row, so that an index is searched by it; what is compared with clock_millis() is compared row by
-- row with all there is.
CREATE FUNCTION statement_millis() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint';

-- Complaints among all that is heard of messages: the brake of a sending domain looks at those of some days, every few seconds.
CREATE INDEX hearings_complaints ON hearings (heard_at) WHERE what = 'complaint';
