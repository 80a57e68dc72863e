-- Back to the schema before: the indexes by source are dropped.
DROP INDEX news.articles_by_source;
DROP INDEX market_data.macro_observations_by_source;
DROP INDEX events.economic_by_source;
DROP INDEX events.geopolitical_by_source;
