DROP VIEW market_data.bars_monthly;
