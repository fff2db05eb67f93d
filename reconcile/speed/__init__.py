"""The speed layer's side: read from ClickHouse as its engine means it, brought to one form, published in the landing."""
