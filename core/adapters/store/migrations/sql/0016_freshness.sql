-- The newest days on which each source delivered something are found without reading its rows.
CREATE INDEX articles_by_source ON news.articles (source, known_at);
CREATE INDEX macro_observations_by_source ON market_data.macro_observations (source, known_at);
CREATE INDEX economic_by_source ON events.economic (source, known_at);
CREATE INDEX geopolitical_by_source ON events.geopolitical (source, known_at);
