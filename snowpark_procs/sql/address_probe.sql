SELECT ip_address
FROM ops.address_probe
