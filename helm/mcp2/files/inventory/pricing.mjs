export const computePricing = () => ({ price: 1 });
